package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvFormat;

/**
 * Attention of one query row a sequence over packed pages and, in the same pass, over tiles of BF16
 * that hold the lines and the newest tokens.
 */
final class PackedDecode {
  private static final int THREADS = 128;
  private static final int WARPS = 4;
  private static final int STAGES = 3;
  private static final int WEIGHT_BYTES = 64 * 16;
  private static final int HEADS = 8;
  private static final int PARTIAL_EXTRA = 4;
  private static final float LOG2_E = (float) (1 / Math.log(2));

  private final CudaRuntime runtime;
  private final AttentionSpec spec;
  private final CudaFunction function;
  private final int sharedByteSize;
  private final int residentBlocks;
  private final DeviceMemory partials;
  private final DeviceMemory counters;

  /**
   * A table of pages or tiles on the device.
   *
   * @param addresses {@code [sequences, stride]} addresses of whole pages, all KV heads
   * @param masks {@code [sequences, numKvHeads, stride]}: bit j set where token j is not to be read
   * @param stride entries a sequence
   */
  record Table(long addresses, long masks, long stride) {}

  /**
   * @param maxSequences most that {@link #forward} is given at once
   */
  PackedDecode(CudaRuntime runtime, AttentionSpec spec, KvFormat format, int maxSequences) {
    if (!Kernel.DECODE_PACKED.has(format, spec.headDim())
        || spec.groupSize() > HEADS
        || spec.slidingWindow() != AttentionSpec.NO_WINDOW) {
      throw new UnsupportedKernelException(
          "CUDA decoding of "
              + format
              + " with "
              + spec
              + ": expected one of "
              + Kernel.DECODE_PACKED.entries()
              + ", at most 8 query heads a KV head, no window");
    }
    this.runtime = runtime;
    this.spec = spec;
    function = runtime.function(Kernel.DECODE_PACKED, format, spec.headDim());
    int pageByteSize = (int) format.headByteSize(spec.headDim());
    sharedByteSize = WARPS * (STAGES * pageByteSize + WEIGHT_BYTES);
    function.allowSharedMemory(sharedByteSize);
    residentBlocks =
        runtime.properties().multiprocessors()
            * function.blocksPerMultiprocessor(THREADS, sharedByteSize);
    int slots = spec.numKvHeads() * maxSequences;
    long slotByteSize = (long) HEADS * (spec.headDim() + PARTIAL_EXTRA) * Float.BYTES;
    partials = runtime.allocate(Math.max(residentBlocks, slots) * slotByteSize);
    counters = runtime.allocate((long) slots * Integer.BYTES);
    runtime.stream().zero(counters.address(), counters.byteSize());
  }

  /**
   * Attends.
   *
   * @param out device address of {@code [sequences, numQueryHeads * headDim]} F32
   * @param q the same shape, transformed as the keys are
   * @param pages packed pages
   * @param tiles BF16 tiles
   * @param counts for each sequence its tiles, then its packed pages: two ints
   */
  void forward(long out, long q, Table pages, Table tiles, long counts, int sequences) {
    int splits = Math.max(1, residentBlocks / (spec.numKvHeads() * sequences));
    function
        .call()
        .int64(out)
        .int64(q)
        .int64(pages.addresses())
        .int64(pages.masks())
        .int64(pages.stride())
        .int64(tiles.addresses())
        .int64(tiles.masks())
        .int64(tiles.stride())
        .int64(counts)
        .int64(partials.address())
        .int64(counters.address())
        .int32(spec.groupSize())
        .float32(spec.softmaxScale() * LOG2_E)
        .sharedMemory(sharedByteSize)
        .launch(runtime.stream(), splits, spec.numKvHeads(), sequences, THREADS);
  }
}
