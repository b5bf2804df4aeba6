package io.vquant.kernels.cuda;

import io.vquant.kernels.kvcache.KvLayer;

/** One layer of a cache on a device. */
sealed interface CudaKvLayer extends KvLayer permits PlainCudaLayer, CudaLineLayer {

  /**
   * Announces a pass of so many rows.
   *
   * @throws io.vquant.kernels.backend.OutOfDeviceMemoryException if there is no memory for it;
   *     nothing has changed then
   */
  void beginPass(int rows);

  /** Tells that all rows of the pass are there and attended: the layer may pack. */
  void endPass();

  /** Bytes of pages and tiles. */
  long byteSize();

  /** Forgets all tokens. */
  void clear();
}
