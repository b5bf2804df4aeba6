package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/** Attention of many rows over plain BF16 pages on tensor cores, for the usual head sizes. */
final class PlainPrefill {
  private static final int THREADS = 256;
  private static final int ROWS = 128;
  private static final int PAGES = 2;
  private static final int HOPPER_PAGES = 6;
  private static final int SWIZZLE_ALIGNMENT = 1024;
  private static final float LOG2_E = (float) (1 / Math.log(2));

  private final CudaRuntime runtime;
  private final AttentionSpec spec;
  private final CudaFunction kernel;
  private final int sharedByteSize;

  /**
   * The operator of one attention.
   *
   * @param spec its head size is one of {@link Kernel#PREFILL_PLAIN}
   */
  PlainPrefill(CudaRuntime runtime, AttentionSpec spec) {
    this.runtime = runtime;
    this.spec = spec;
    kernel = runtime.function(Kernel.PREFILL_PLAIN, spec.headDim());
    long pageByteSize = new PageLayout(1, spec.headDim(), DType.BF16).byteSize();
    boolean hopper = runtime.properties().major() == 9;
    sharedByteSize = (int) ((hopper ? HOPPER_PAGES : PAGES) * pageByteSize + SWIZZLE_ALIGNMENT);
    kernel.allowSharedMemory(sharedByteSize);
  }

  /**
   * Enqueues it; all are device addresses.
   *
   * @param q first query
   * @param qStride elements between rows of queries
   * @param pages addresses of the pages
   * @param position of the first row
   * @param stats {@code [rows, heads, 2]} F32 for each row's maximum (base 2) and sum, or 0
   */
  void forward(Tensor out, long q, long qStride, long pages, long position, long stats) {
    kernel
        .call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(q)
        .int64(qStride)
        .int64(pages)
        .int64(position)
        .int32(out.rows())
        .int32(spec.groupSize())
        .float32(spec.softmaxScale() * LOG2_E)
        .int32(spec.slidingWindow())
        .int64(stats)
        .sharedMemory(sharedByteSize)
        .launch(
            runtime.stream(), spec.numQueryHeads(), Operands.blocks(out.rows(), ROWS), 1, THREADS);
  }
}
