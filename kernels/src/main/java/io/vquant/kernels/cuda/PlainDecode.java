package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.DeviceMemory;

/**
 * Attention of one query row a sequence over BF16 pages. The keys are split over as many blocks as
 * the device holds at once; how many does not depend on the length, so that a recorded launch fits
 * every step.
 */
final class PlainDecode {
  private static final int THREADS = 128;
  private static final int STAGES = 3;
  private static final int PAGE_TOKENS = 64;
  private static final int HEADS = 8;
  private static final int PARTIAL_EXTRA = 4;
  private static final float LOG2_E = (float) (1 / Math.log(2));

  private final CudaRuntime runtime;
  private final AttentionSpec spec;
  private final CudaFunction function;
  private final int sharedByteSize;
  private final int residentBlocks;
  private final int blocksPerSequence;
  private final DeviceMemory partials;
  private final DeviceMemory counters;
  private final int maxSlots;

  /**
   * @param maxSequences most that {@link #forward} is given at once
   */
  PlainDecode(CudaRuntime runtime, AttentionSpec spec, int maxSequences) {
    this.runtime = runtime;
    this.spec = spec;
    function = runtime.function(Kernel.DECODE_PLAIN, spec.headDim());
    sharedByteSize = STAGES * 2 * PAGE_TOKENS * spec.headDim() * 2;
    function.allowSharedMemory(sharedByteSize);
    residentBlocks =
        runtime.properties().multiprocessors()
            * function.blocksPerMultiprocessor(THREADS, sharedByteSize);
    blocksPerSequence = spec.numKvHeads() * Operands.blocks(spec.groupSize(), HEADS);
    maxSlots = Math.max(residentBlocks, blocksPerSequence * maxSequences);
    long slotByteSize = (long) HEADS * (spec.headDim() + PARTIAL_EXTRA) * Float.BYTES;
    partials = runtime.allocate(maxSlots * slotByteSize);
    counters = runtime.allocate((long) blocksPerSequence * maxSequences * Integer.BYTES);
    runtime.stream().zero(counters.address(), counters.byteSize());
  }

  /**
   * Attends.
   *
   * @param out device address of {@code [sequences, numQueryHeads * headDim]} F32
   * @param q the same shape
   * @param table page table of the first sequence
   * @param tableOffsets how many bytes after it each one's is, a long a sequence; 0: there is one
   * @param positions of the queries, one int a sequence
   */
  void forward(long out, long q, long table, long tableOffsets, long positions, int sequences) {
    int splits = Math.max(1, residentBlocks / (blocksPerSequence * sequences));
    function
        .call()
        .int64(out)
        .int64(q)
        .int64(table)
        .int64(tableOffsets)
        .int64(positions)
        .int64(partials.address())
        .int64(counters.address())
        .int32(spec.numKvHeads())
        .int32(spec.groupSize())
        .float32(spec.softmaxScale() * LOG2_E)
        .int32(spec.slidingWindow())
        .sharedMemory(sharedByteSize)
        .launch(runtime.stream(), splits, blocksPerSequence, sequences, THREADS);
  }
}
