package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.GenerationListener;
import io.vquant.engine.GenerationResult;
import io.vquant.engine.GenerationSession;
import io.vquant.engine.GenerationStats;
import io.vquant.model.MemoryPlan;

/** What {@code generate} shows while it runs and when it ends. */
final class GenerationReport {
  private final CommandContext context;
  private final OutputOptions output;
  private final boolean json;
  private final ModelOptions model;
  private final GenerationSession session;
  private final int promptTokens;
  private final ProgressBar bar;
  private double firstTokenMillis;
  private boolean anyToken;
  private boolean endsLine = true;

  GenerationReport(
      CommandContext context,
      OutputOptions output,
      boolean json,
      ModelOptions model,
      GenerationSession session,
      int promptTokens) {
    this.context = context;
    this.output = output;
    this.json = json;
    this.model = model;
    this.session = session;
    this.promptTokens = promptTokens;
    this.bar = ProgressBar.ofTokens(context.console().err(), "prefill", System.nanoTime());
  }

  GenerationListener listener() {
    return new GenerationListener() {
      @Override
      public void onPrefill(long done, long total) {
        if (output.showsProgress() && total > 0) {
          bar.update(promptTokens * done / total, promptTokens, System.nanoTime());
        }
        cancelIfAsked();
      }

      @Override
      public void onToken(int tokenId) {
        if (!anyToken) {
          tellStart();
        }
        cancelIfAsked();
      }

      @Override
      public void onText(String piece) {
        if (!json && !piece.isEmpty()) {
          context.console().out().print(piece).flush();
          endsLine = piece.endsWith("\n");
        }
      }
    };
  }

  /** A signal may have come before the session had anything to cancel. */
  private void cancelIfAsked() {
    if (context.interruption().isRequested()) {
      session.cancel();
    }
  }

  private void tellStart() {
    anyToken = true;
    firstTokenMillis = ProcessFacts.elapsedMillis();
    bar.close();
    model.tellDevice(context, output);
  }

  /** Ends the text, or prints the JSON object; then the numbers. */
  void finish(Engine engine, int[] promptIds, GenerationResult result, double loadMillis) {
    bar.close();
    if (json) {
      JsonText object = object(engine, promptIds, result, loadMillis);
      context.console().out().line(object.compact()).flush();
    } else if (!endsLine || result.text().isEmpty()) {
      context.console().out().line("").flush();
    }
    if (!output.quiet()) {
      context.console().message(summary(engine, result));
    }
  }

  private JsonText object(
      Engine engine, int[] promptIds, GenerationResult result, double loadMillis) {
    GenerationStats stats = result.stats();
    MemoryPlan plan = usedMemory(engine);
    return new JsonText()
        .put("model", model.modelName())
        .put("device", engine.device().toString())
        .put("prompt_ids", promptIds)
        .put("token_ids", result.tokenIds())
        .put("text", result.text())
        .put("finish_reason", result.finishReason().jsonName())
        .put("seed", result.seed())
        .put(
            "kv",
            new JsonText()
                .put("policy", model.kvPolicy())
                .put(
                    "effective_bits",
                    engine.kvEffectiveBits(Math.max(1, session.tokenIds().length)))
                .put("bytes", session.kvCacheByteSize()))
        .put(
            "timings",
            new JsonText()
                .putMillis("load_ms", loadMillis)
                .putMillis("prefill_ms", stats.prefillNanos() / 1e6)
                .putMillis("decode_ms", stats.decodeNanos() / 1e6)
                .put("prefill_tokens_per_s", stats.prefillTokensPerSecond())
                .put("decode_tokens_per_s", stats.decodeTokensPerSecond())
                .putMillis("first_token_ms", firstTokenMillis))
        .put(
            "memory",
            new JsonText()
                .put("weights_bytes", plan.weightByteSize())
                .put("weights", WeightReport.name(engine))
                .put("bits_per_weight", engine.weightMemory().bitsPerWeight())
                .put("kv_bytes", session.kvCacheByteSize())
                .put("scratch_bytes", plan.scratchByteSize())
                .put("peak_rss_bytes", ProcessFacts.peakResidentBytes()));
  }

  private MemoryPlan usedMemory(Engine engine) {
    return MemoryPlan.of(
        engine.config(),
        engine.memoryPlan().weightByteSize(),
        Math.max(1, session.tokenIds().length),
        engine.kvPolicy());
  }

  private static String weightBits(Engine engine) {
    return engine.weights().quantizes()
        ? " in %s (%s bits)"
            .formatted(
                engine.weights(), Quantities.decimal(engine.weightMemory().bitsPerWeight(), 2))
        : "";
  }

  private String summary(Engine engine, GenerationResult result) {
    GenerationStats stats = result.stats();
    return "prefill "
        + stats.prefillTokens()
        + " tokens at "
        + Quantities.decimal(stats.prefillTokensPerSecond(), 1)
        + " t/s, decode "
        + stats.decodeTokens()
        + " at "
        + Quantities.decimal(stats.decodeTokensPerSecond(), 1)
        + " t/s; ended by "
        + result.finishReason().jsonName()
        + "; memory: weights "
        + Quantities.bytes(engine.memoryPlan().weightByteSize())
        + weightBits(engine)
        + ", KV cache "
        + Quantities.bytes(session.kvCacheByteSize())
        + " in "
        + engine.kvPolicy()
        + " ("
        + Quantities.decimal(engine.kvEffectiveBits(Math.max(1, session.tokenIds().length)), 1)
        + " bits), peak "
        + Quantities.bytes(ProcessFacts.peakResidentBytes());
  }
}
