package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.eval.WindowProtocol;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of commands that score a text in windows. */
final class WindowOptions {

  @Option(
      names = "--text",
      required = true,
      paramLabel = "FILE",
      description = "the text, UTF-8; - is stdin")
  private String file = "";

  @Option(
      names = "--protocol",
      paramLabel = "NAME",
      description =
          "which tokens of a window are scored; gptq: all but the first; llama.cpp: the second"
              + " half (default: gptq)")
  private String protocol = WindowProtocol.GPTQ.label();

  @Option(
      names = "--limit",
      paramLabel = "WINDOWS",
      description = "score only the first windows (default: all)")
  private int limit = Integer.MAX_VALUE;

  @Option(
      names = "--bos",
      description = "the model's BOS token begins the text, and replaces each window's first token")
  private boolean bos;

  /**
   * What is to be run.
   *
   * @param against policy of the base to compare with, if there is to be one
   * @throws CommandFailure if an option cannot be
   */
  PerplexityPlan plan(ModelOptions model, String mode, @Nullable String against) {
    return PerplexityPlan.of(protocol, mode, model.contextLength(), limit, against);
  }

  /** The text, before a model is opened for it: {@link PerplexityText#read}. */
  String readText(CommandContext context) {
    return PerplexityText.read(file, context.console().in());
  }

  /** Its tokens: {@link PerplexityText#encode}. */
  PerplexityText encode(Engine engine, ModelOptions model, CommandContext context, String text) {
    return PerplexityText.encode(engine, model.folder(context), file, text, bos);
  }
}
