package io.vquant.kernels.kvcache;

import java.util.Locale;

/**
 * How many lines a KV head may keep in 16 bits, sinks included: a fixed number, or a share of the
 * cached tokens rounded to a multiple of 16 and held between 128 and 512. (vquant.md begins at 32;
 * between 1024 and 8192 tokens 128 are a sixth to a third less divergence for 0.25 to 1 bit.)
 *
 * @param share of the tokens, 0 when the number is fixed
 * @param count the fixed number, 0 when a share is given
 */
public record LineBudget(double share, int count) {

  public static final LineBudget NONE = new LineBudget(0, 0);

  /** Most lines a KV head may have. */
  public static final int MAX = 512;

  private static final int MIN_OF_SHARE = 128;
  private static final int STEP = 16;

  public LineBudget {
    if (!(share >= 0 && share <= 0.5)) {
      throw new IllegalArgumentException("lines " + 100 * share + "%: expected 0% to 50%");
    }
    if (count < 0 || count > MAX || (share > 0 && count > 0)) {
      throw new IllegalArgumentException("lines " + count + ": expected 0 to " + MAX);
    }
  }

  public static LineBudget ofShare(double share) {
    return new LineBudget(share, 0);
  }

  public static LineBudget ofCount(int count) {
    return new LineBudget(0, count);
  }

  /** Lines allowed when so many tokens are cached. */
  public int at(int tokens) {
    if (share == 0) {
      return count;
    }
    long rounded = Math.round(share * tokens / STEP) * STEP;
    return Math.clamp(rounded, MIN_OF_SHARE, MAX);
  }

  /** As a user writes it: {@code 1%} or {@code 64}. */
  @Override
  public String toString() {
    if (share == 0) {
      return Integer.toString(count);
    }
    double percent = 100 * share;
    return percent == Math.rint(percent)
        ? String.format(Locale.ROOT, "%.0f%%", percent)
        : percent + "%";
  }
}
