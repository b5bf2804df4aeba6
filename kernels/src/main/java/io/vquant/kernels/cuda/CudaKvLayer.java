package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** One layer: a table of page addresses on the device, and the length. */
final class CudaKvLayer implements KvLayer {
  private static final int THREADS = 256;

  private final CudaRuntime runtime;
  private final PageLayout layout;
  private final int maxTokens;
  private final PagePool pool;
  private final long table;
  private final CudaFunction append;
  private final List<Long> pages = new ArrayList<>();
  private int pageCount;
  private int length;

  /**
   * @param table device address of {@code maxTokens / 64} page addresses, rounded up
   */
  CudaKvLayer(CudaRuntime runtime, PageLayout layout, int maxTokens, PagePool pool, long table) {
    this.runtime = runtime;
    this.layout = layout;
    this.maxTokens = maxTokens;
    this.pool = pool;
    this.table = table;
    append = runtime.function(Kernel.APPEND_PLAIN, layout.dtype());
  }

  PageLayout layout() {
    return layout;
  }

  /** Device address of the page table. */
  long table() {
    return table;
  }

  @Override
  public int length() {
    return length;
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
    append
        .call()
        .int64(table)
        .int64(Operands.address(keys))
        .int64(Operands.stride(keys))
        .int64(Operands.address(values))
        .int64(Operands.stride(values))
        .int64(runtime.positionAddress(startPosition))
        .int32(layout.headDim())
        .int32(columns)
        .launch(runtime.stream(), keys.rows(), Operands.blocks(columns, THREADS), 1, THREADS);
    length = (int) end;
  }

  /** Takes pages for so many tokens. */
  void reserve(int tokens) {
    int needed = Math.ceilDiv(tokens, PageLayout.TOKENS);
    if (needed <= pageCount) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      int added = needed - pageCount;
      MemorySegment addresses = arena.allocate((long) added * Long.BYTES, Long.BYTES);
      for (int i = 0; i < added; i++) {
        addresses.setAtIndex(ValueLayout.JAVA_LONG, i, takePage());
      }
      runtime.stream().copyToDevice(table + (long) pageCount * Long.BYTES, addresses);
    }
    pageCount = needed;
  }

  private long takePage() {
    long page = pool.take(layout.byteSize());
    pages.add(page);
    return page;
  }

  /** Fills this empty layer with the contents of another. */
  void copyFrom(CudaKvLayer other) {
    reserve(other.length);
    for (int i = 0; i < pageCount; i++) {
      runtime.stream().copyOnDevice(pages.get(i), other.pages.get(i), layout.byteSize());
    }
    length = other.length;
  }

  /** Tokens from here on are forgotten, or, when a replayed pass wrote them, known. */
  void setLength(int newLength) {
    length = newLength;
  }
}
