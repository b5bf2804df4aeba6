package io.vquant.kernels.kvcache;

/**
 * How one layer keeps its keys and values. In a plain format everything is stored alike and the
 * other settings mean nothing. Otherwise the newest tokens, the sinks and the lines stay in 16 bits
 * and the rest is packed.
 *
 * @param format encodings of packed pages
 * @param window newest tokens that always stay in 16 bits: a multiple of 64, whole pages
 * @param sinks first positions that are always lines
 * @param lines lines a KV head, sinks included
 * @param score what chooses the lines
 * @param smoothKeys whether the mean key is subtracted from every key (SageAttention, smoothK)
 * @param hadamard whether keys and queries, and values of 2 bits, go through a Walsh-Hadamard
 *     transform
 */
public record KvLayerPolicy(
    KvFormat format,
    int window,
    int sinks,
    LineBudget lines,
    LineScore score,
    boolean smoothKeys,
    boolean hadamard) {

  public static final int DEFAULT_WINDOW = 128;
  public static final int DEFAULT_SINKS = 4;
  public static final LineBudget DEFAULT_LINES = LineBudget.ofShare(0.01);

  private static final int MAX_WINDOW = 1 << 20;
  private static final int MAX_SINKS = 64;

  public KvLayerPolicy {
    if (window < 0 || window > MAX_WINDOW || window % PageLayout.TOKENS != 0) {
      throw new IllegalArgumentException(
          "window " + window + ": expected a multiple of 64 (whole pages) from 0 to " + MAX_WINDOW);
    }
    if (sinks < 0 || sinks > MAX_SINKS) {
      throw new IllegalArgumentException("sinks " + sinks + ": expected 0 to " + MAX_SINKS);
    }
  }

  /** The format with the settings that vquant.md's ablations favour. */
  public static KvLayerPolicy of(KvFormat format) {
    return new KvLayerPolicy(
        format, DEFAULT_WINDOW, DEFAULT_SINKS, DEFAULT_LINES, LineScore.SQUARED_WEIGHT, true, true);
  }

  KvLayerPolicy withWindow(int newWindow) {
    return new KvLayerPolicy(format, newWindow, sinks, lines, score, smoothKeys, hadamard);
  }

  KvLayerPolicy withSinks(int newSinks) {
    return new KvLayerPolicy(format, window, newSinks, lines, score, smoothKeys, hadamard);
  }

  KvLayerPolicy withLines(LineBudget newLines) {
    return new KvLayerPolicy(format, window, sinks, newLines, score, smoothKeys, hadamard);
  }

  KvLayerPolicy withScore(LineScore newScore) {
    return new KvLayerPolicy(format, window, sinks, lines, newScore, smoothKeys, hadamard);
  }

  KvLayerPolicy withSmoothKeys(boolean newSmoothKeys) {
    return new KvLayerPolicy(format, window, sinks, lines, score, newSmoothKeys, hadamard);
  }

  KvLayerPolicy withHadamard(boolean newHadamard) {
    return new KvLayerPolicy(format, window, sinks, lines, score, smoothKeys, newHadamard);
  }

  /** Whether everything is stored alike. */
  public boolean isPlain() {
    return format.isPlain();
  }

  /** Slab rows a KV head may take when so many tokens are cached. */
  public int slabRows(int tokens) {
    return Math.max(sinks, lines.at(tokens));
  }

  /** Tokens that the ring holds at most: a page more than the window, so that a page can leave. */
  public int ringTokens() {
    return window + PageLayout.TOKENS;
  }

  /** Whether values are transformed: at 2 bits it pays, above it does not. */
  public boolean transformsValues() {
    return hadamard
        && format.values() instanceof GroupEncoding encoding
        && encoding.bits().bits() == 2;
  }

  /** As a user writes it, every setting named. */
  @Override
  public String toString() {
    return isPlain()
        ? format.name()
        : format.name()
            + ",lines="
            + lines
            + ",window="
            + window
            + ",sinks="
            + sinks
            + ",smooth="
            + onOff(smoothKeys)
            + ",hadamard="
            + onOff(hadamard)
            + (score == LineScore.WEIGHT ? ",score=a" : "");
  }

  private static String onOff(boolean value) {
    return value ? "on" : "off";
  }
}
