package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.Tensor;

/** A layer of plain pages: a table of their addresses on the device, and the length. */
final class PlainCudaLayer implements CudaKvLayer {
  private static final int THREADS = 256;

  private final CudaRuntime runtime;
  private final PageLayout layout;
  private final int maxTokens;
  private final PageTable pages;
  private final CudaFunction append;
  private int length;

  /**
   * @param table device address of {@code maxTokens / 64} page addresses, rounded up
   */
  PlainCudaLayer(CudaRuntime runtime, PageLayout layout, int maxTokens, PagePool pool, long table) {
    this.runtime = runtime;
    this.layout = layout;
    this.maxTokens = maxTokens;
    pages = new PageTable(runtime, pool, layout.byteSize(), table);
    append = runtime.function(Kernel.APPEND_PLAIN, layout.dtype());
  }

  PageLayout layout() {
    return layout;
  }

  /** Device address of the page table. */
  long table() {
    return pages.address();
  }

  @Override
  public int length() {
    return length;
  }

  /** Takes the pages, so that the pass itself only enqueues work. */
  @Override
  public void beginPass(int rows) {
    reserve(length + rows);
  }

  private void reserve(int tokens) {
    pages.grow(Math.ceilDiv(tokens, PageLayout.TOKENS));
  }

  @Override
  public void append(Tensor keys, Tensor values, int startPosition) {
    int columns = layout.numKvHeads() * layout.headDim();
    Operands.require("append keys", keys, keys.rows(), columns);
    Operands.require("append values", values, keys.rows(), columns);
    long end = (long) startPosition + keys.rows();
    if (startPosition < 0 || startPosition > length || end > maxTokens) {
      throw new IllegalArgumentException(
          "append at positions %d to %d: the layer holds %d tokens of at most %d"
              .formatted(startPosition, end, length, maxTokens));
    }
    reserve((int) end);
    if (keys.rows() == 1 && runtime.sequenceRows().isUnderWay()) {
      runtime.rowAppends().add(layout, table(), keys, values, startPosition, this::launchAppend);
    } else if (keys.rows() != 1 || !joins(keys, values, startPosition)) {
      long position = runtime.positionAddress(startPosition);
      launchAppend(table(), 0, keys, values, position, keys.rows());
    }
    length = (int) end;
  }

  /** Whether products that wait write the row into its page. */
  private boolean joins(Tensor keys, Tensor values, int startPosition) {
    long position = runtime.positionAddress(startPosition);
    return runtime
        .rowProducts()
        .joinAppend(Operands.address(keys), Operands.address(values), table(), position, layout);
  }

  private void launchAppend(
      long table, long tableOffsets, Tensor keys, Tensor values, long positions, int rows) {
    int columns = layout.numKvHeads() * layout.headDim();
    append
        .call()
        .int64(table)
        .int64(tableOffsets)
        .int64(Operands.address(keys))
        .int64(Operands.stride(keys))
        .int64(Operands.address(values))
        .int64(Operands.stride(values))
        .int64(positions)
        .int32(layout.headDim())
        .int32(columns)
        .launch(runtime.stream(), rows, Operands.blocks(columns, THREADS), 1, THREADS);
  }

  @Override
  public void endPass() {}

  /** Fills this empty layer with the contents of another. */
  void copyFrom(PlainCudaLayer other) {
    pages.copy(other.pages);
    length = other.length;
  }

  /** Tokens from here on are forgotten, or, when a replayed pass wrote them, known. */
  void setLength(int newLength) {
    length = newLength;
  }

  @Override
  public void clear() {
    length = 0;
  }

  @Override
  public long byteSize() {
    return pages.byteSize();
  }
}
