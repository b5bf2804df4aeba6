package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.eval.Divergence;
import io.vquant.eval.Estimate;
import io.vquant.eval.Perplexity;
import io.vquant.eval.WindowLoss;
import java.util.ArrayList;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code perplexity} prints when it ends. Labels are those of llama-perplexity. */
record PerplexityReport(
    ModelOptions model,
    Engine engine,
    PerplexityPlan plan,
    PerplexityText text,
    PerplexityResult result,
    @Nullable String againstWeights) {

  /**
   * The JSON object. {@code nll} is the sum over a window's scored tokens, in nats; {@code
   * mean_delta_p} and {@code rms_delta_p} are parts of 1.
   */
  JsonText asJson() {
    Perplexity perplexity = result.perplexity();
    JsonText object =
        new JsonText()
            .put("perplexity", perplexity.value())
            .put("error", perplexity.standardError())
            .put("tokens_scored", perplexity.scoredTokens())
            .put("windows", windows(perplexity.windows()))
            .put("bits_per_byte", bitsPerByte().orElse(null))
            .put(
                "kv",
                new JsonText()
                    .put("policy", model.kvPolicy())
                    .put("effective_bits", engine.kvEffectiveBits(plan.windowTokens()))
                    .put("bytes", result.kvCacheByteSize()));
    result.comparison().ifPresent(comparison -> object.put("divergence", json(comparison)));
    return object
        .put("partial", result.partial())
        .put("model", model.modelName())
        .put("weights", WeightReport.name(engine))
        .put("bits_per_weight", engine.weightMemory().bitsPerWeight())
        .put("device", engine.device().toString())
        .put("protocol", plan.protocol().label())
        .put("mode", plan.mode().label())
        .put("context", plan.windowTokens())
        .put("bos", bos())
        .put("text_tokens", text.textTokens())
        .put("bytes_scored", result.scoredBytes());
  }

  private static List<Map<String, Double>> windows(List<WindowLoss> windows) {
    return windows.stream().map(window -> Map.of("nll", window.nllSum())).toList();
  }

  private JsonText json(PerplexityResult.Comparison comparison) {
    Divergence divergence = comparison.divergence();
    return new JsonText()
        .put("mean_kld", divergence.meanKld().value())
        .put("median_kld", divergence.kld().median())
        .put("p90", divergence.kld().p90())
        .put("p95", divergence.kld().p95())
        .put("p99", divergence.kld().p99())
        .put("p99_9", divergence.kld().p999())
        .put("max_kld", divergence.kld().max())
        .put("same_top_percent", 100 * divergence.sameTop().value())
        .put("mean_delta_p", divergence.meanDeltaP().value())
        .put("rms_delta_p", divergence.rmsDeltaP().value())
        .put("against", plan.against())
        .put("against_weights", againstWeights)
        .put("base_perplexity", comparison.base().value())
        .put("base_error", comparison.base().standardError());
  }

  private @Nullable Integer bos() {
    return text.bos().isPresent() ? text.bos().getAsInt() : null;
  }

  private Optional<Double> bitsPerByte() {
    return result.scoredBytes() == 0
        ? Optional.empty()
        : Optional.of(result.perplexity().bitsPerByte(result.scoredBytes()));
  }

  /** A line for stderr: how fast it went. */
  String speed() {
    double seconds = result.elapsedNanos() / 1e9;
    long tokens = (long) result.perplexity().windows().size() * plan.windowTokens();
    return tokens
        + " tokens in "
        + Quantities.decimal(seconds, 1)
        + " s, "
        + Quantities.decimal(tokens / seconds, 1)
        + " t/s; peak memory "
        + Quantities.bytes(ProcessFacts.peakResidentBytes());
  }

  /** The text, ending with a line break. */
  String asText() {
    try (Formatter out = new Formatter(Locale.ROOT)) {
      addSetting(out);
      result.comparison().ifPresent(comparison -> addStatistics(out, comparison));
      Perplexity perplexity = result.perplexity();
      String title = result.partial() ? "Partial estimate (interrupted)" : "Final estimate";
      out.format(
          "%s: PPL = %.4f +/- %.5f\n", title, perplexity.value(), perplexity.standardError());
      addCounts(out);
      return out.toString();
    }
  }

  private void addSetting(Formatter out) {
    String attention = model.attentionKind();
    out.format(
        "model %s, device %s, KV cache %s%s\n",
        model.modelName(),
        engine.device(),
        model.kvPolicy(),
        attention.equals("exact") ? "" : ", attention " + attention);
    out.format("%s\n", plan.describe(text));
    out.format("running PPL: %s\n", running());
  }

  /** The perplexity after each window, as llama-perplexity writes it. */
  private String running() {
    List<WindowLoss> losses = result.perplexity().windows();
    List<String> values = new ArrayList<>();
    double sum = 0;
    long tokens = 0;
    for (WindowLoss loss : losses) {
      sum += loss.nllSum();
      tokens += loss.scoredTokens();
      values.add("[" + (values.size() + 1) + "]" + Quantities.decimal(Math.exp(sum / tokens), 4));
    }
    return String.join(",", values);
  }

  private void addCounts(Formatter out) {
    Perplexity perplexity = result.perplexity();
    out.format(
        "%d tokens scored in %d of %d windows, %d bytes, %s\n",
        perplexity.scoredTokens(),
        perplexity.windows().size(),
        text.windows(plan.windowTokens()),
        result.scoredBytes(),
        bitsPerByte()
            .map(bits -> Quantities.decimal(bits, 4) + " bits per byte")
            .orElse("bits per byte unknown: this tokenizer's tokens have no text of their own"));
  }

  private void addStatistics(Formatter out, PerplexityResult.Comparison comparison) {
    Perplexity base = comparison.base();
    Perplexity own = result.perplexity();
    Divergence divergence = comparison.divergence();
    Divergence.Quantiles kld = divergence.kld();
    out.format("\n====== Perplexity statistics ======\n");
    addEstimate(out, "Mean PPL(Q)          ", own.value(), own.standardError());
    addEstimate(out, "Mean PPL(base)       ", base.value(), base.standardError());
    out.format("Mean PPL(Q)/PPL(base): %10.6f\n", own.value() / base.value());
    out.format("Q is KV cache %s, base %s\n", model.kvPolicy(), plan.against());
    if (againstWeights != null) {
      out.format("Q has weights %s, base %s\n", WeightReport.line(engine), againstWeights);
    }
    out.format("\n====== KL divergence statistics ======\n");
    addEstimate(
        out, "Mean    KLD", divergence.meanKld().value(), divergence.meanKld().standardError());
    out.format("Maximum KLD: %10.6f\n", kld.max());
    out.format("99.9%%   KLD: %10.6f\n", kld.p999());
    out.format("99.0%%   KLD: %10.6f\n", kld.p99());
    out.format("95.0%%   KLD: %10.6f\n", kld.p95());
    out.format("90.0%%   KLD: %10.6f\n", kld.p90());
    out.format("Median  KLD: %10.6f\n", kld.median());
    out.format("\n====== Token probability statistics ======\n");
    addPercent(out, "Mean    Δp", divergence.meanDeltaP());
    addPercent(out, "RMS Δp    ", divergence.rmsDeltaP());
    addPercent(out, "Same top p", divergence.sameTop());
    out.format("\n");
  }

  private static void addEstimate(Formatter out, String label, double value, double error) {
    out.format("%s: %10.6f ± %10.6f\n", label, value, error);
  }

  private static void addPercent(Formatter out, String label, Estimate part) {
    out.format("%s: %6.3f ± %5.3f %%\n", label, 100 * part.value(), 100 * part.standardError());
  }
}
