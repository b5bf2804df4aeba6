package io.vquant.engine.sampling;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The tokens that may come next, with their logits, in the order of their ids. Holds its arrays for
 * the whole generation; loading a step's logits makes every token a candidate again.
 */
public final class Candidates {
  private static final int INFINITY_BITS = 0x7f800000;

  private final float[] logits;
  private final int[] tokenIds;
  private int size;

  public Candidates(int vocabSize) {
    logits = new float[vocabSize];
    tokenIds = new int[vocabSize];
  }

  /** Number of candidates left. */
  public int size() {
    return size;
  }

  /** Whether every token is still a candidate, so that candidate i is token i. */
  public boolean isComplete() {
    return size == logits.length;
  }

  /** Token id of a candidate; ids rise with the index. */
  public int tokenId(int index) {
    return isComplete() ? index : tokenIds[index];
  }

  public float logit(int index) {
    return logits[index];
  }

  /** Sets a logit; negative infinity forbids the token. NaN and positive infinity are refused. */
  public void setLogit(int index, float value) {
    if (!(value < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "logit " + value + " for token " + tokenId(index) + ": expected less than infinity");
    }
    logits[index] = value;
  }

  /** Index of the candidate with this token id, negative when there is none. */
  public int indexOf(int tokenId) {
    if (isComplete()) {
      return tokenId < size ? tokenId : -1;
    }
    return Arrays.binarySearch(tokenIds, 0, size, tokenId);
  }

  /**
   * Makes every token a candidate.
   *
   * @param source holds a row of F32 logits {@code [vocabSize]} at {@code byteOffset}
   * @throws NonFiniteLogitsException if one of them is NaN or infinite
   */
  void load(MemorySegment source, long byteOffset) {
    MemorySegment.copy(source, ValueLayout.JAVA_FLOAT, byteOffset, logits, 0, logits.length);
    size = logits.length;
    // The bits of a finite number's magnitude, read as an int, lie below those of infinity and NaN.
    int largest = 0;
    for (int i = 0; i < size; i++) {
      largest = Math.max(largest, Float.floatToRawIntBits(logits[i]) & Integer.MAX_VALUE);
    }
    if (largest >= INFINITY_BITS) {
      throw NonFiniteLogitsException.in(logits);
    }
  }

  /**
   * Index of the largest logit, the first of equals.
   *
   * @throws IllegalStateException if processors left no candidate
   */
  int indexOfMax() {
    int best = -1;
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < size; i++) {
      if (logits[i] > max) {
        max = logits[i];
        best = i;
      }
    }
    if (best < 0) {
      throw new IllegalStateException("logits processors forbid every token of the vocabulary");
    }
    return best;
  }
}
