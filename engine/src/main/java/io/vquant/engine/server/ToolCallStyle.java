package io.vquant.engine.server;

import java.util.Optional;

/** How a family of models writes calls of tools, as its chat template teaches it. */
enum ToolCallStyle {
  /** {@code <tool_call>{"name": ..., "arguments": {...}}</tool_call>}: Qwen2.5, Qwen3, SmolLM3. */
  HERMES("<tool_call>"),
  /** {@code [TOOL_CALLS][{"name": ..., "arguments": {...}}, ...]}: Mistral. */
  MISTRAL("[TOOL_CALLS]"),
  /** The whole answer is {@code {"name": ..., "parameters": {...}}}: Llama 3.1 to 3.3. */
  LLAMA("<|python_tag|>");

  private final String marker;

  ToolCallStyle(String marker) {
    this.marker = marker;
  }

  /** What stands before the calls; with Llama it may be missing. */
  String marker() {
    return marker;
  }

  /** The style that a template speaks of; empty if it knows no tools. */
  static Optional<ToolCallStyle> of(String template) {
    if (!template.contains("tools")) {
      return Optional.empty();
    }
    if (template.contains(HERMES.marker)) {
      return Optional.of(HERMES);
    }
    if (template.contains(MISTRAL.marker)) {
      return Optional.of(MISTRAL);
    }
    boolean llama =
        template.contains(LLAMA.marker)
            || (template.contains("\"parameters\"") && template.contains("<|start_header_id|>"));
    return llama ? Optional.of(LLAMA) : Optional.empty();
  }
}
