package io.vquant.kernels.kvcache;

/** What a {@link PagedKvCache} asks of its layers. */
sealed interface HostKvLayer extends KvLayer permits PagedKvLayer, LineKvLayer {

  /** Announces rows. */
  void beginPass(int rows);

  /** Tells that all rows of the pass are there and attended: the layer may pack. */
  void endPass();

  /** Carries the layer's state, into an empty layer when reading; not during a pass. */
  void transfer(KvTransfer transfer);

  /** The same content in shared memory. */
  HostKvLayer fork();

  /** Gives all memory up. */
  void release();

  long byteSize();
}
