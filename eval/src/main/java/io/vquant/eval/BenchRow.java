package io.vquant.eval;

import java.util.List;

/**
 * One measurement of speed.
 *
 * @param model what was run
 * @param device where it ran
 * @param threads threads that computed
 * @param kv how keys and values were kept
 * @param test {@code pp512}: a prompt of 512 tokens; {@code tg128}: 128 tokens generated
 * @param depth tokens in the cache before the test
 * @param rates tokens a second of each repeat, at least one
 * @param probe the machine's roof just before the test
 * @param peakRssBytes peak resident memory of the process up to the end of the row
 * @param partial whether the run was interrupted: repeats or other rows are missing
 */
public record BenchRow(
    Model model,
    String device,
    int threads,
    Kv kv,
    String test,
    int depth,
    List<Double> rates,
    BenchProbe probe,
    long peakRssBytes,
    boolean partial) {

  /**
   * A model.
   *
   * @param weights how its weights are kept
   * @param byteSize of its weights
   * @param parameters numbers that were learned
   */
  public record Model(String name, String weights, long byteSize, long parameters) {

    /** Bits of a weight, everything counted. */
    public double bitsPerWeight() {
      return parameters == 0 ? 0 : 8.0 * byteSize / parameters;
    }
  }

  /**
   * A policy for the KV cache.
   *
   * @param effectiveBits bits a cached number, everything counted, pages full
   * @param byteSize bytes of the cache at the end of the test
   */
  public record Kv(String policy, double effectiveBits, long byteSize) {}

  public BenchRow {
    rates = List.copyOf(rates);
    if (rates.isEmpty()) {
      throw new IllegalArgumentException("0 repeats: expected 1 or more");
    }
  }

  /** Mean of the rates. */
  public double tokensPerSecond() {
    return rates.stream().mapToDouble(Double::doubleValue).sum() / rates.size();
  }

  /** Sample standard deviation of the rates, 0 with one repeat. */
  public double stddev() {
    double mean = tokensPerSecond();
    double squares = rates.stream().mapToDouble(rate -> (rate - mean) * (rate - mean)).sum();
    return rates.size() == 1 ? 0 : Math.sqrt(squares / (rates.size() - 1));
  }

  /** This row, of an interrupted run. */
  public BenchRow asPartial() {
    return new BenchRow(model, device, threads, kv, test, depth, rates, probe, peakRssBytes, true);
  }
}
