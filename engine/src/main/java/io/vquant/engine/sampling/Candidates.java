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
  private final float[] weights;
  private final RadixThreshold threshold = new RadixThreshold();
  private int size;

  public Candidates(int vocabSize) {
    logits = new float[vocabSize];
    tokenIds = new int[vocabSize];
    weights = new float[vocabSize];
  }

  /** Number of tokens there are, candidates or not. */
  public int vocabSize() {
    return logits.length;
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

  /** Replaces each logit by its distance from the largest, divided by {@code divisor}. */
  void scaleBelowMax(float divisor) {
    float max = logits[indexOfMax()];
    for (int i = 0; i < size; i++) {
      logits[i] = (logits[i] - max) / divisor;
    }
  }

  /** Keeps candidates whose logit is at least {@code lowest}. */
  void retainAtLeast(float lowest) {
    boolean complete = isComplete();
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (logits[i] >= lowest) {
        keep(kept++, i, complete);
      }
    }
    size = kept;
  }

  /** Keeps the {@code count} largest logits; of equals, those with the smallest token ids. */
  void retainLargest(int count) {
    if (count < size) {
      threshold.findForCount(logits, size, count);
      retainAboveThreshold(false);
    }
  }

  /**
   * Keeps the fewest of the most likely candidates whose probabilities sum to at least {@code
   * probability}; of equals, those with the smallest token ids.
   */
  void retainNucleus(float probability) {
    double total = computeWeights();
    // All that lie below this sum to less than what the nucleus leaves out.
    retainWeightsFrom((1 - probability) * total / size);
    threshold.findForMass(logits, weights, size, probability * total);
    retainAboveThreshold(true);
  }

  /**
   * Draws a candidate with the probabilities of a softmax over the logits.
   *
   * @param uniform in [0, 1)
   * @return its index
   */
  int draw(double uniform) {
    double left = uniform * computeWeights();
    int last = 0;
    for (int i = 0; i < size; i++) {
      if (weights[i] > 0) {
        left -= weights[i];
        if (left < 0) {
          return i;
        }
        last = i;
      }
    }
    return last; // sums in another order round differently, so a little may be left
  }

  private void retainWeightsFrom(double lowest) {
    boolean complete = isComplete();
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (weights[i] >= lowest) {
        weights[kept] = weights[i];
        keep(kept++, i, complete);
      }
    }
    size = kept;
  }

  private void retainAboveThreshold(boolean weighted) {
    boolean complete = isComplete();
    int lowestKey = threshold.key();
    double equalsLeft = threshold.massOfEquals();
    int kept = 0;
    for (int i = 0; i < size; i++) {
      int comparison = Integer.compareUnsigned(RadixThreshold.keyOf(logits[i]), lowestKey);
      if (comparison > 0) {
        keep(kept++, i, complete);
      } else if (comparison == 0 && equalsLeft > 0) {
        equalsLeft -= weighted ? weights[i] : 1;
        keep(kept++, i, complete);
      }
    }
    size = kept;
  }

  private void keep(int to, int from, boolean complete) {
    logits[to] = logits[from];
    tokenIds[to] = complete ? from : tokenIds[from];
  }

  /** Sets weights to exp(logit - max) and returns their sum, added in a fixed order. */
  private double computeWeights() {
    float max = logits[indexOfMax()];
    for (int i = 0; i < size; i++) {
      weights[i] = Exponential.ofNonPositive(logits[i] - max);
    }
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    int i = 0;
    for (; i <= size - 4; i += 4) {
      sum0 += weights[i];
      sum1 += weights[i + 1];
      sum2 += weights[i + 2];
      sum3 += weights[i + 3];
    }
    for (; i < size; i++) {
      sum0 += weights[i];
    }
    return (sum0 + sum1) + (sum2 + sum3);
  }
}
