package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;

/**
 * Attention of one query row a sequence over packed pages and, in the same pass, over tiles of BF16
 * that hold the lines and the newest tokens; leaves the attention weights of those in the layer.
 */
final class PackedDecode {
  private static final int THREADS = 128;
  private static final int WARPS = 4;
  private static final int SM_BYTES = 228 * 1024;
  private static final int BLOCK_BYTES = 1024 + 128;
  private static final int HEADS = 8;
  private static final int PARTIAL_EXTRA = 4;
  private static final int MOST_WAVES = 4;
  private static final double BUSY = 0.9;
  private static final float LOG2_E = (float) (1 / Math.log(2));
  private static final String WHOLE_HEADS = "g128";

  /** Queries are to be transformed as keys are. */
  static final int TRANSFORM_QUERIES = 1;

  /** Lines are chosen by squared weights. */
  static final int SQUARED_WEIGHTS = 2;

  private final CudaRuntime runtime;
  private final AttentionSpec spec;
  private final CudaFunction function;
  private final int sharedByteSize;
  private final int multiprocessors;
  private final int residentBlocks;
  private final DeviceMemory partials;
  private final DeviceMemory counters;

  /**
   * @param maxSequences most that {@link #forward} is given at once
   */
  PackedDecode(CudaRuntime runtime, AttentionSpec spec, KvFormat format, int maxSequences) {
    if (!fits(runtime, spec, format)) {
      throw new UnsupportedKernelException(
          "CUDA decoding of "
              + format
              + " with "
              + spec
              + ": expected one of "
              + Kernel.DECODE_PACKED.entries()
              + ", at most 8 query heads a KV head");
    }
    this.runtime = runtime;
    this.spec = spec;
    function =
        runtime.function(Kernel.DECODE_PACKED, named(format, spec.headDim()), spec.headDim());
    sharedByteSize = sharedByteSize(format, spec);
    function.allowSharedMemory(sharedByteSize);
    multiprocessors = runtime.properties().multiprocessors();
    residentBlocks = multiprocessors * function.blocksPerMultiprocessor(THREADS, sharedByteSize);
    int slots = spec.numKvHeads() * maxSequences;
    int blocks = 0;
    for (int sequences = 1; sequences <= maxSequences; sequences++) {
      blocks = Math.max(blocks, splits(sequences) * spec.numKvHeads() * sequences);
    }
    long blockByteSize = (long) HEADS * (spec.headDim() + PARTIAL_EXTRA) * Float.BYTES;
    partials = runtime.allocate(blocks * blockByteSize);
    counters = runtime.allocate((long) slots * Integer.BYTES);
    runtime.stream().zero(counters.address(), counters.byteSize());
  }

  /** Whether there is a kernel, and the device has the shared memory that it takes. */
  static boolean fits(CudaRuntime runtime, AttentionSpec spec, KvFormat format) {
    return Kernel.DECODE_PACKED.has(named(format, spec.headDim()), spec.headDim())
        && spec.groupSize() <= HEADS
        && sharedByteSize(format, spec) <= runtime.properties().sharedByteSizePerBlock();
  }

  /** Groups of 128 channels are the whole head, as groups of 64 are, where it has 64. */
  private static KvFormat named(KvFormat format, int headDim) {
    String name = format.name();
    return headDim < 128 && name.endsWith(WHOLE_HEADS)
        ? KvFormats.parse(name.substring(0, name.length() - WHOLE_HEADS.length()))
        : format;
  }

  /**
   * Blocks a KV head: the fewest that keep nearly all of the device busy to the end. Blocks that
   * all find a place share the multiprocessors; more of them come in waves.
   */
  private int splits(int sequences) {
    int slots = spec.numKvHeads() * sequences;
    int splits = Math.max(1, residentBlocks / slots);
    while (splits < MOST_WAVES * residentBlocks / slots && busyShare(splits * slots) < BUSY) {
      splits++;
    }
    return splits;
  }

  private double busyShare(int blocks) {
    int places = blocks <= residentBlocks ? multiprocessors : residentBlocks;
    return (double) blocks / (Math.ceilDiv(blocks, places) * places);
  }

  /** As {@code PageShape} in {@code packed_pages.cuh}. */
  private static int sharedByteSize(KvFormat format, AttentionSpec spec) {
    int page = WARPS * (int) format.headByteSize(spec.headDim());
    int head = spec.headDim() * Float.BYTES;
    int stages = SM_BYTES / (2 * page + 4 * head + BLOCK_BYTES) > 1 ? 2 : 3;
    return stages * page + spec.groupSize() * head;
  }

  /**
   * Attends.
   *
   * @param out device address of {@code [sequences, numQueryHeads * headDim]} F32
   * @param q the same shape
   * @param layer {@code struct LineLayer} of the first sequence
   * @param layerOffsets how many bytes after it each one's is, a long a sequence; 0: there is one
   * @param positions of the queries, one int a sequence
   * @param options {@link #TRANSFORM_QUERIES}, {@link #SQUARED_WEIGHTS}
   */
  void forward(
      long out, long q, long layer, long layerOffsets, long positions, int sequences, int options) {
    function
        .call()
        .int64(out)
        .int64(q)
        .int64(layer)
        .int64(layerOffsets)
        .int64(positions)
        .int64(partials.address())
        .int64(counters.address())
        .int32(spec.groupSize())
        .float32(spec.softmaxScale() * LOG2_E)
        .int32(spec.slidingWindow())
        .int32(options)
        .sharedMemory(sharedByteSize)
        .launch(runtime.stream(), splits(sequences), spec.numKvHeads(), sequences, THREADS);
  }
}
