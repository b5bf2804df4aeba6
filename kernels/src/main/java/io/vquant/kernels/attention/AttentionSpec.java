package io.vquant.kernels.attention;

/**
 * Causal grouped-query attention of one layer.
 *
 * @param numQueryHeads heads of the query; a multiple of {@code numKvHeads}
 * @param numKvHeads heads of keys and values
 * @param headDim channels a head
 * @param softmaxScale factor on q.k before the softmax
 * @param slidingWindow a query at position i sees keys j with i - j &lt; slidingWindow; {@link
 *     #NO_WINDOW} for all
 */
public record AttentionSpec(
    int numQueryHeads, int numKvHeads, int headDim, float softmaxScale, int slidingWindow) {

  public static final int NO_WINDOW = Integer.MAX_VALUE;

  public AttentionSpec {
    if (numKvHeads < 1 || numQueryHeads < numKvHeads || numQueryHeads % numKvHeads != 0) {
      throw new IllegalArgumentException(
          numQueryHeads + " query heads on " + numKvHeads + " KV heads: expected a multiple");
    }
    if (headDim < 1 || slidingWindow < 1) {
      throw new IllegalArgumentException(
          "headDim " + headDim + ", slidingWindow " + slidingWindow + ": expected at least 1");
    }
  }

  /** Query heads that share one KV head. */
  public int groupSize() {
    return numQueryHeads / numKvHeads;
  }

  /** First key position that a query at {@code position} sees. */
  public int firstVisible(int position) {
    return slidingWindow == NO_WINDOW ? 0 : Math.max(0, position - slidingWindow + 1);
  }
}
