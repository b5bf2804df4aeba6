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
   * Forgets the tokens from position {@code length} on, exactly.
   *
   * @return whether it could; a cache that has packed tokens since cannot, and is unchanged. 0 is
   *     always possible
   */
  boolean truncate(int length);

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
