package io.vquant.kernels.kvcache;

/** Keys and values of one sequence, all layers. Not safe for use by two threads at once. */
public interface KvCache extends AutoCloseable {

  KvCacheSpec spec();

  KvLayer layer(int index);

  /** Tokens in every layer (the shortest, while a forward pass is under way). */
  int length();

  /** Forgets all tokens from position {@code length} on; their pages are kept for reuse. */
  void truncate(int length);

  /** Bytes of memory taken so far. */
  long byteSize();

  @Override
  void close();
}
