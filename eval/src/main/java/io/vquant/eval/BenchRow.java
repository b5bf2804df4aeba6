package io.vquant.eval;

import java.util.List;

/**
 * One measurement.
 *
 * @param model name of the model
 * @param device where it ran
 * @param threads threads that computed
 * @param kv KV cache policy
 * @param test {@code pp512}: a prompt of 512 tokens; {@code tg128}: 128 tokens generated
 * @param depth tokens in the cache before the test
 * @param tokensPerSecond mean over the repeats
 * @param stddev sample standard deviation of the tokens a second, 0 with one repeat
 * @param repeats how often it was measured
 * @param probe the machine's roof at that time
 * @param peakRssBytes peak resident memory of the process up to the end of the row
 */
public record BenchRow(
    String model,
    String device,
    int threads,
    String kv,
    String test,
    int depth,
    double tokensPerSecond,
    double stddev,
    int repeats,
    BenchProbe probe,
    long peakRssBytes) {

  /** A rate with its spread. */
  public record Rate(double tokensPerSecond, double stddev) {

    /**
     * Mean and sample standard deviation of tokens a second.
     *
     * @param tokens tokens of each repeat
     * @param nanos time of each repeat, each above 0
     */
    public static Rate of(int tokens, List<Long> nanos) {
      if (nanos.isEmpty()) {
        throw new IllegalArgumentException("0 repeats: expected 1 or more");
      }
      double[] rates = nanos.stream().mapToDouble(t -> tokens * 1e9 / t).toArray();
      double sum = 0;
      for (double rate : rates) {
        sum += rate;
      }
      double mean = sum / rates.length;
      double squares = 0;
      for (double rate : rates) {
        squares += (rate - mean) * (rate - mean);
      }
      double stddev = rates.length == 1 ? 0 : Math.sqrt(squares / (rates.length - 1));
      return new Rate(mean, stddev);
    }
  }
}
