package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.ScoringMode;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code perplexity}: how well a model predicts a text. */
@Command(
    description =
        "Measures how well a model predicts a text: exp of the mean loss of its tokens, in"
            + " windows of --context tokens that do not overlap. Line ends CR LF and CR count as LF,"
            + " as Python reads text.",
    footer = {
      "",
      "With --against two KV cache policies run on the same tokens, and the divergence of their",
      "predictions is measured: KL(base || this) in nats and the change of the true token's",
      "probability. Bits per byte count the UTF-8 bytes that the scored tokens decode to.",
      "Examples:",
      "  perplexity -m path/to/model --text wiki.test.raw --context 2048",
      "  perplexity --text book.txt -c 512 --protocol llama.cpp --limit 4 --json",
      "  perplexity --text book.txt -c 1024 --kv bf16 --against f32",
      "  perplexity --text book.txt -c 1024 --weights q4 --against-weights bf16"
    })
final class PerplexityCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private WindowOptions windowing;
  @Mixin private OutputOptions output;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description =
          "prefill: a window goes through the model at once; decode: token by token, as in"
              + " generation (default: prefill)")
  private String mode = ScoringMode.PREFILL.label();

  @Option(
      names = "--against",
      paramLabel = "POLICY",
      description = "also run this KV cache policy and compare with it: f32 or bf16")
  private @Nullable String against;

  @Option(
      names = "--against-weights",
      paramLabel = "FORMAT",
      description =
          "also run the model with these weights (bf16: as they are stored) and compare with it")
  private @Nullable String againstWeights;

  @Option(names = "--json", description = "one JSON object in place of text")
  private boolean json;

  PerplexityCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    windowing = new WindowOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    model.check();
    PerplexityPlan plan = windowing.plan(model, mode, basePolicy());
    String content = windowing.readText(context);
    try (Engine engine = model.open(context, output, true)) {
      PerplexityText text = windowing.encode(engine, model, context, content);
      model.tellDevice(context, output);
      PerplexityResult result = measure(engine, plan, text);
      report(new PerplexityReport(model, engine, plan, text, result, againstWeights));
      return result.partial() ? ExitCode.INTERRUPTED : ExitCode.DONE;
    }
  }

  /** A comparison of weights has the same cache on both sides, unless another is given. */
  private @Nullable String basePolicy() {
    return againstWeights != null && against == null ? model.kvPolicies().getFirst() : against;
  }

  private PerplexityResult measure(Engine engine, PerplexityPlan plan, PerplexityText text) {
    if (againstWeights == null) {
      return measure(engine, engine, plan, text);
    }
    try (Engine base = model.openWithWeights(context, output, againstWeights)) {
      return measure(engine, base, plan, text);
    }
  }

  private PerplexityResult measure(
      Engine engine, Engine base, PerplexityPlan plan, PerplexityText text) {
    try (PerplexityProgress progress =
        new PerplexityProgress(context.console().err(), output.showsProgress())) {
      PerplexityRun run =
          new PerplexityRun(engine, base, plan, text, progress, context.interruption());
      context.interruption().onRequest(() -> {}); // the run looks, and ends after its last window
      return run.run();
    } catch (ArithmeticException e) { // NaN or infinity among the logits
      throw CommandFailure.badModel(model.modelName() + ": " + e.getMessage());
    }
  }

  private void report(PerplexityReport report) {
    TextOutput out = context.console().out();
    if (json) {
      out.line(report.asJson().compact()).flush();
    } else {
      out.print(report.asText()).flush();
    }
    if (!output.quiet()) {
      context.console().message(report.speed());
    }
  }
}
