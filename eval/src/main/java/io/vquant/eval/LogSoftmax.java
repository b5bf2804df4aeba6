package io.vquant.eval;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Log-probabilities from logits. */
public final class LogSoftmax {
  private LogSoftmax() {}

  /**
   * -ln softmax(logits)[tokenId], computed in double as ln(sum exp(l - max)) + max - l[tokenId].
   *
   * @param logits holds a row of {@code vocabSize} F32 values at {@code byteOffset}, a multiple of
   *     4
   * @throws ArithmeticException if a logit is NaN or positive infinity, or the token's own is
   *     infinite
   */
  public static double negativeLogLikelihood(
      MemorySegment logits, long byteOffset, int vocabSize, int tokenId) {
    float max =
        logits.getAtIndex(
            ValueLayout.JAVA_FLOAT, byteOffset / 4 + argMax(logits, byteOffset, vocabSize));
    double sum = 0;
    for (int i = 0; i < vocabSize; i++) {
      sum += Math.exp((double) logits.getAtIndex(ValueLayout.JAVA_FLOAT, byteOffset / 4 + i) - max);
    }
    double chosen = logits.getAtIndex(ValueLayout.JAVA_FLOAT, byteOffset / 4 + tokenId);
    double result = Math.log(sum) + (max - chosen);
    if (!Double.isFinite(result)) {
      throw notFinite(max);
    }
    return result;
  }

  /** Index of the largest value of a row, the first of equal ones; NaN counts as the smallest. */
  static int argMax(MemorySegment logits, long byteOffset, int vocabSize) {
    float max = Float.NEGATIVE_INFINITY;
    int index = 0;
    for (int i = 0; i < vocabSize; i++) {
      float value = logits.getAtIndex(ValueLayout.JAVA_FLOAT, byteOffset / 4 + i);
      if (value > max) {
        max = value;
        index = i;
      }
    }
    return index;
  }

  static ArithmeticException notFinite(double largest) {
    return new ArithmeticException(
        "the logits hold NaN or infinity (largest " + largest + "): expected finite numbers");
  }
}
