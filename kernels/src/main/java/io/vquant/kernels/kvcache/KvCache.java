package io.vquant.kernels.kvcache;

/**
 * Keys and values of one sequence, all layers. Not safe for use by two threads at once.
 *
 * <p>Tokens come in passes: {@link #beginPass}, then for each layer in turn all its rows (append,
 * attend) and {@link #endLayer}, then {@link #endPass}. A layer that packs does so when its last
 * row is done, so that the last queries can choose what stays in 16 bits.
 */
public interface KvCache extends AutoCloseable {

  KvCacheSpec spec();

  KvLayer layer(int index);

  /** Tokens in every layer (the shortest, while a pass is under way). */
  int length();

  /**
   * Announces that {@code rows} tokens follow in every layer.
   *
   * @throws IllegalArgumentException if the cache has no room for them
   */
  void beginPass(int rows);

  /** Tells that the layer has seen all rows of the pass. */
  void endLayer(int index);

  /** Tells that all layers have. */
  void endPass();

  /** Gives the pass up: the cache is as it was before {@link #beginPass}. */
  void abandonPass();

  /**
   * Whether the tokens from position {@code length} on can be forgotten exactly, as if they had
   * never been there. Always so for 0 and for the cache's own length; a layer that packs has no
   * other: to go back, keep a {@link #fork}.
   */
  boolean canTruncate(int length);

  /**
   * Forgets the tokens from position {@code length} on.
   *
   * @throws IllegalArgumentException if {@code length} is not from 0 to the cache's length
   * @throws IllegalStateException if it {@link #canTruncate cannot}
   */
  void truncate(int length);

  /**
   * A copy of this cache as it is now. Memory is shared until one of the two writes, so this is how
   * to keep a checkpoint, or start several sequences from one prefix. Not during a pass.
   */
  KvCache fork();

  /** Bytes of memory that this sequence's tokens are in, shared or not. */
  long byteSize();

  @Override
  void close();
}
