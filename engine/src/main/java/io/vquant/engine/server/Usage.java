package io.vquant.engine.server;

import io.vquant.engine.batching.BatchResult;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts of tokens, as OpenAI tells them. */
final class Usage {
  private Usage() {}

  /**
   * Sums up.
   *
   * @param choicesPerPrompt a prompt with several choices counts once
   */
  static Map<String, Object> of(List<ChoiceText> choices, int choicesPerPrompt) {
    long prompt = 0;
    long cached = 0;
    long produced = 0;
    for (ChoiceText choice : choices) {
      BatchResult result = choice.result();
      if (choice.index() % choicesPerPrompt == 0) {
        prompt += result.promptTokens();
        cached += result.cachedTokens();
      }
      produced += result.producedTokens();
    }
    Map<String, Object> usage = new LinkedHashMap<>();
    usage.put("prompt_tokens", prompt);
    usage.put("completion_tokens", produced);
    usage.put("total_tokens", prompt + produced);
    usage.put("prompt_tokens_details", Map.of("cached_tokens", cached));
    usage.put("kv_bytes", choices.stream().mapToLong(c -> c.result().cacheByteSize()).sum());
    return usage;
  }
}
