package io.vquant.eval;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How two predictions of one token differ: that of a base and that of what is measured against it.
 *
 * @param nll negative log-likelihood of the true token, in nats
 * @param baseNll the same by the base
 * @param kld Kullback-Leibler divergence KL(base || this) in nats, over the whole vocabulary; at
 *     least 0, and exactly 0 for equal logits
 * @param deltaP probability of the true token less that by the base
 * @param sameTop whether both have the same most likely token; of equal ones the first counts
 */
public record TokenDivergence(
    double nll, double baseNll, double kld, double deltaP, boolean sameTop) {

  /**
   * Compares two rows of logits in double. With S = sum exp(b - max b) and W = sum exp(b - max b)
   * (b - l) over the logits b of the base and l of this, KL = W / S - lse(b) + lse(l).
   *
   * @param base holds a row of {@code vocabSize} F32 values at {@code baseOffset}, in bytes
   * @param logits holds such a row at {@code offset}
   * @param tokenId the true token
   * @throws ArithmeticException if a logit is NaN or infinite
   */
  public static TokenDivergence of(
      MemorySegment base,
      long baseOffset,
      MemorySegment logits,
      long offset,
      int vocabSize,
      int tokenId) {
    int baseTop = LogSoftmax.argMax(base, baseOffset, vocabSize);
    int top = LogSoftmax.argMax(logits, offset, vocabSize);
    double baseMax = at(base, baseOffset, baseTop);
    double max = at(logits, offset, top);
    double baseSum = 0;
    double sum = 0;
    double weighted = 0;
    for (int i = 0; i < vocabSize; i++) {
      double b = at(base, baseOffset, i);
      double l = at(logits, offset, i);
      double baseShare = Math.exp(b - baseMax);
      baseSum += baseShare;
      sum += Math.exp(l - max);
      weighted += baseShare * (b - l);
    }
    double baseLogSum = baseMax + Math.log(baseSum);
    double logSum = max + Math.log(sum);
    double kld = weighted / baseSum - (baseLogSum - logSum);
    if (!Double.isFinite(kld)) {
      throw LogSoftmax.notFinite(Double.isFinite(baseLogSum) ? max : baseMax);
    }
    double nll = logSum - at(logits, offset, tokenId);
    double baseNll = baseLogSum - at(base, baseOffset, tokenId);
    double deltaP = Math.exp(-nll) - Math.exp(-baseNll);
    return new TokenDivergence(nll, baseNll, Math.max(0, kld), deltaP, top == baseTop);
  }

  private static double at(MemorySegment row, long byteOffset, int index) {
    return row.getAtIndex(ValueLayout.JAVA_FLOAT, byteOffset / Float.BYTES + index);
  }
}
