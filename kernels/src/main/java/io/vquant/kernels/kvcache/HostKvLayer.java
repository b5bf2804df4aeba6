package io.vquant.kernels.kvcache;

/** What a {@link PagedKvCache} asks of its layers. */
sealed interface HostKvLayer extends KvLayer permits PagedKvLayer, LineKvLayer {

  /** Announces rows. */
  void beginPass(int rows);

  /** Tells that all rows of the pass are there and attended: the layer may pack. */
  void endPass();

  /** Carries the layer's state, into an empty layer when reading; not during a pass. */
  void transfer(KvTransfer transfer);

  /**
   * Page {@code index} of what was computed: positions {@code 64 index} and on, all of them there
   * and not packed.
   */
  SharedPage sharePage(int index);

  /** Makes a page the layer's next 64 tokens: nothing is packed yet, and its pages are whole. */
  void adopt(SharedPage page);

  /** The same content in shared memory. */
  HostKvLayer fork();

  /** Gives all memory up. */
  void release();

  long byteSize();
}
