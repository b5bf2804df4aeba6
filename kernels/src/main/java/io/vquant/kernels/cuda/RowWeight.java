package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.KernelCall;

/** A weight that {@link RowProducts} multiply one row with. */
sealed interface RowWeight permits DenseRows, CodeMatrix {
  int rows();

  int columns();

  /** Weights of one kind can be parts of one launch. */
  Object kind();

  /** The kernel for up to three weights, or for a gate and what it gates. */
  CudaFunction function(CudaRuntime runtime, boolean gated);

  /** As the kernel is built for. */
  int threadsABlock();

  /** Pairs of rows that a block takes at a time. */
  int pairsATile();

  /** So many pairs from a multiple of it must be of consecutive rows. */
  int pairAlignment();

  /** Dynamic shared memory of a block, of at most {@code limit} bytes if that is enough. */
  int sharedByteSize(int limit);

  /** The percentage of an SM's memory that should be shared memory rather than cache. */
  int sharedPercent();

  /** Gives a kernel what it must know of its shared memory, if anything. */
  void addSharedTo(KernelCall call, int limit);

  /** Gives a kernel the addresses. */
  void addTo(KernelCall call);
}
