package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PlainPages;
import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one position of each of some sequences over pages: blocks of a sequence, a span of
 * its pages and a KV head, so that all cores have work and keys and values are read once for the
 * whole group; then the states of a head's spans, if there are several, are merged in order. What a
 * sequence gets does not depend on those beside it.
 */
final class PlainDecode {

  private static final int TOKENS = PageLayout.TOKENS;

  private final CpuContext context;
  private final AttentionSpec spec;
  private final PageReader reader;
  private final AttentionRows[] workers;
  private final int spanPages;
  private final long stateStride;
  private final ParallelTask spanTask = this::attendSpan;

  private @Nullable PlainPages[] layers = new PlainPages[1];
  private int[] positions = new int[1];
  private long[] queries = new long[1];
  private long[] outputs = new long[1];

  /** Blocks of all sequences before one; the entry after the last has them all. */
  private int[] firstBlocks = new int[2];

  private int sequences;
  private long states;

  /**
   * @param workers one a thread, shared with prefill
   */
  PlainDecode(
      CpuContext context,
      AttentionSpec spec,
      PageReader reader,
      AttentionRows[] workers,
      int spanPages) {
    this.context = context;
    this.spec = spec;
    this.reader = reader;
    this.workers = workers;
    this.spanPages = spanPages;
    stateStride = AttentionState.byteSize(reader.valueVectors());
  }

  /** Begins a call, forgetting what one that failed half-way may have left. */
  void begin() {
    sequences = 0;
  }

  /** Adds a sequence to the call that {@link #run} carries out; the operands have been checked. */
  void add(Tensor out, Tensor q, PlainPages pages, int position) {
    if (sequences == positions.length) {
      grow(2 * sequences);
    }
    int index = sequences++;
    layers[index] = pages;
    positions[index] = position;
    queries[index] = Operands.address(q);
    outputs[index] = Operands.address(out);
    int spans = position / TOKENS / spanPages + 1 - firstSpan(position);
    firstBlocks[sequences] = firstBlocks[index] + spans * spec.numKvHeads();
  }

  private void grow(int capacity) {
    layers = Arrays.copyOf(layers, capacity);
    positions = Arrays.copyOf(positions, capacity);
    queries = Arrays.copyOf(queries, capacity);
    outputs = Arrays.copyOf(outputs, capacity);
    firstBlocks = Arrays.copyOf(firstBlocks, capacity + 1);
  }

  private int firstSpan(int position) {
    return spec.firstVisible(position) / TOKENS / spanPages;
  }

  /** Attends from all sequences added since {@link #begin}. */
  void run() {
    try {
      int blocks = firstBlocks[sequences];
      long groupBytes = spec.groupSize() * stateStride;
      states = context.sharedScratch(blocks * groupBytes + stateStride);
      context.pool().run(spanTask, blocks);
      long total = states + blocks * groupBytes;
      for (int sequence = 0; sequence < sequences; sequence++) {
        if (spans(sequence) > 1) {
          merge(sequence, total);
        }
      }
    } finally {
      Arrays.fill(layers, 0, sequences, null);
      sequences = 0;
    }
  }

  private void attendSpan(int block, int worker) {
    int sequence = 0;
    while (firstBlocks[sequence + 1] <= block) {
      sequence++;
    }
    int own = block - firstBlocks[sequence];
    int kvHead = own % spec.numKvHeads();
    int position = positions[sequence];
    int span = firstSpan(position) + own / spec.numKvHeads();
    AttentionRows rows = workers[worker];
    long scratch = context.workerScratch(worker, rows.scratchByteSize());
    long query = queries[sequence] + headOffset(kvHead * spec.groupSize());
    rows.load(scratch, query, 0, position, 1);
    int firstPage = Math.max(spec.firstVisible(position) / TOKENS, span * spanPages);
    int endPage = Math.min(position / TOKENS + 1, (span + 1) * spanPages);
    rows.reset();
    rows.addPages(pages(sequence), kvHead, firstPage, endPage);
    rows.saveStates(state(block), stateStride);
    if (spans(sequence) == 1) {
      finishSpan(sequence, block, kvHead);
    }
  }

  /** The heads of a sequence's only span are done with it, by the worker that has them at hand. */
  private void finishSpan(int sequence, int block, int kvHead) {
    for (int row = 0; row < spec.groupSize(); row++) {
      long total = state(block) + row * stateStride;
      long to = outputs[sequence] + headOffset(kvHead * spec.groupSize() + row);
      AttentionState.finish(to, total, reader, spec.headDim());
    }
  }

  private int spans(int sequence) {
    return (firstBlocks[sequence + 1] - firstBlocks[sequence]) / spec.numKvHeads();
  }

  private PlainPages pages(int sequence) {
    PlainPages pages = layers[sequence];
    if (pages == null) {
      throw new IllegalStateException("sequence " + sequence + " of " + sequences + ": no pages");
    }
    return pages;
  }

  private long state(int block) {
    return states + block * (spec.groupSize() * stateStride);
  }

  private long headOffset(int head) {
    return 4L * head * spec.headDim();
  }

  private void merge(int sequence, long total) {
    int group = spec.groupSize();
    int first = firstBlocks[sequence];
    int spans = spans(sequence);
    for (int head = 0; head < spec.numQueryHeads(); head++) {
      AttentionState.clear(total, reader.valueVectors());
      for (int span = 0; span < spans; span++) {
        long part = state(first + span * spec.numKvHeads() + head / group);
        AttentionState.merge(total, part + head % group * stateStride, reader.valueVectors());
      }
      long to = outputs[sequence] + headOffset(head);
      AttentionState.finish(to, total, reader, spec.headDim());
    }
  }
}
