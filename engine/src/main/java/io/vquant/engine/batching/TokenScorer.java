package io.vquant.engine.batching;

import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Log-probabilities out of rows of logits; holds one row. */
final class TokenScorer {
  private final float[] logits;

  TokenScorer(int vocabSize) {
    logits = new float[vocabSize];
  }

  /**
   * Scores a token by a row of logits: log softmax in double.
   *
   * @param top how many of the most likely tokens to add
   */
  TokenScore score(Tensor rows, int row, int tokenId, int top) {
    MemorySegment.copy(
        rows.segment(),
        ValueLayout.JAVA_FLOAT_UNALIGNED,
        rows.rowByteOffset(row),
        logits,
        0,
        logits.length);
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - max);
    }
    double logSum = max + Math.log(sum);
    int[] topIds = mostLikely(Math.min(top, logits.length));
    float[] topLogprobs = new float[topIds.length];
    for (int i = 0; i < topIds.length; i++) {
      topLogprobs[i] = (float) (logits[topIds[i]] - logSum);
    }
    return new TokenScore(tokenId, (float) (logits[tokenId] - logSum), topIds, topLogprobs);
  }

  private int[] mostLikely(int count) {
    int[] ids = new int[count];
    int found = 0;
    for (int id = 0; id < logits.length; id++) {
      if (found == count && (count == 0 || !(logits[id] > logits[ids[count - 1]]))) {
        continue;
      }
      int at = found < count ? found++ : count - 1;
      while (at > 0 && logits[id] > logits[ids[at - 1]]) {
        ids[at] = ids[at - 1];
        at--;
      }
      ids[at] = id;
    }
    return ids;
  }
}
