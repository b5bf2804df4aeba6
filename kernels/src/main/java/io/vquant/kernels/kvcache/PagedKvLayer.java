package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One layer of a {@link PagedKvCache}: an array of pages in {@link PageLayout}. */
public final class PagedKvLayer implements HostKvLayer, PlainPages {

  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort BF16 = ValueLayout.JAVA_SHORT_UNALIGNED;

  private final int maxTokens;
  private final PageLayout layout;
  private final BlockList pages;
  private int length;

  PagedKvLayer(PageLayout layout, int maxTokens, KvMemory memory) {
    this(layout, maxTokens, new BlockList(memory, layout.byteSize()), 0);
  }

  private PagedKvLayer(PageLayout layout, int maxTokens, BlockList pages, int length) {
    this.layout = layout;
    this.maxTokens = maxTokens;
    this.pages = pages;
    this.length = length;
  }

  @Override
  public PageLayout layout() {
    return layout;
  }

  @Override
  public MemorySegment page(int index) {
    return pages.segment(index);
  }

  @Override
  public int length() {
    return length;
  }

  @Override
  public void append(Tensor keys, Tensor values, int startPosition) {
    if (keys.dtype() != DType.F32 || values.dtype() != DType.F32) {
      throw new IllegalArgumentException(
          "keys " + keys.dtype() + ", values " + values.dtype() + ": expected F32");
    }
    long end = (long) startPosition + keys.rows();
    if (startPosition < 0 || startPosition > length || end > maxTokens) {
      throw new IllegalArgumentException(
          "append at positions "
              + startPosition
              + " to "
              + end
              + ": the layer holds "
              + length
              + " tokens of at most "
              + maxTokens);
    }
    int width = layout.numKvHeads() * layout.headDim();
    if (keys.columns() != width || values.columns() != width || values.rows() != keys.rows()) {
      throw new IllegalArgumentException(
          "keys "
              + keys.layout()
              + ", values "
              + values.layout()
              + ": expected "
              + width
              + " columns");
    }
    for (int row = 0; row < keys.rows(); row++) {
      int position = startPosition + row;
      MemorySegment page = pageForWriting(position / PageLayout.TOKENS);
      int slot = position % PageLayout.TOKENS;
      if (layout.dtype() == DType.F32) {
        writeF32(page, slot, keys, values, row);
      } else {
        writeBf16(page, slot, keys, values, row);
      }
    }
    length = (int) end;
  }

  private MemorySegment pageForWriting(int index) {
    return index == pages.size() ? pages.add() : pages.writable(index);
  }

  private void writeF32(MemorySegment page, int slot, Tensor keys, Tensor values, int row) {
    MemorySegment k = keys.segment();
    MemorySegment v = values.segment();
    long kRow = keys.rowByteOffset(row);
    long vRow = values.rowByteOffset(row);
    int headDim = layout.headDim();
    for (int head = 0; head < layout.numKvHeads(); head++) {
      long keyBase = layout.keysOffset(head) + slot * 4L;
      long valueBase = layout.valuesOffset(head) + 4L * slot * headDim;
      for (int c = 0; c < headDim; c++) {
        long source = (head * headDim + c) * 4L;
        page.set(F32, keyBase + 4L * c * PageLayout.TOKENS, k.get(F32, kRow + source));
        page.set(F32, valueBase + c * 4L, v.get(F32, vRow + source));
      }
    }
  }

  private void writeBf16(MemorySegment page, int slot, Tensor keys, Tensor values, int row) {
    MemorySegment k = keys.segment();
    MemorySegment v = values.segment();
    long kRow = keys.rowByteOffset(row);
    long vRow = values.rowByteOffset(row);
    int headDim = layout.headDim();
    for (int head = 0; head < layout.numKvHeads(); head++) {
      long keyBase = layout.keysOffset(head) + slot * 2L;
      long valueBase = layout.valuesOffset(head) + 2L * slot * headDim;
      for (int c = 0; c < headDim; c++) {
        long source = (head * headDim + c) * 4L;
        page.set(
            BF16,
            keyBase + 2L * c * PageLayout.TOKENS,
            BFloat16.fromFloat(k.get(F32, kRow + source)));
        page.set(BF16, valueBase + c * 2L, BFloat16.fromFloat(v.get(F32, vRow + source)));
      }
    }
  }

  /** Channel {@code channel} of the key at {@code position}. For the reference and for tests. */
  public float key(int kvHead, int position, int channel) {
    int slot = position % PageLayout.TOKENS;
    return element(position, layout.keysOffset(kvHead), (long) channel * PageLayout.TOKENS + slot);
  }

  /** Channel {@code channel} of the value at {@code position}. For the reference and for tests. */
  public float value(int kvHead, int position, int channel) {
    int slot = position % PageLayout.TOKENS;
    return element(position, layout.valuesOffset(kvHead), (long) slot * layout.headDim() + channel);
  }

  private float element(int position, long base, long index) {
    if (position >= length) {
      throw new IndexOutOfBoundsException("position " + position + " of " + length);
    }
    MemorySegment page = pages.segment(position / PageLayout.TOKENS);
    return layout.dtype() == DType.F32
        ? page.get(F32, base + index * 4)
        : BFloat16.toFloat(page.get(BF16, base + index * 2));
  }

  @Override
  public void beginPass(int rows) {}

  @Override
  public void endPass() {}

  void truncate(int newLength) {
    pages.releaseFrom(Math.ceilDiv(newLength, PageLayout.TOKENS));
    length = newLength;
  }

  @Override
  public void transfer(KvTransfer transfer) {
    length = transfer.number("tokens", length, 0, maxTokens);
    int count = Math.ceilDiv(length, PageLayout.TOKENS);
    pages.transfer(transfer, count, count);
  }

  @Override
  public SharedPage sharePage(int index) {
    return pages.sharePage(index);
  }

  @Override
  public void adopt(SharedPage page) {
    pages.adopt(page);
    length += PageLayout.TOKENS;
  }

  @Override
  public PagedKvLayer fork() {
    return new PagedKvLayer(layout, maxTokens, pages.share(), length);
  }

  @Override
  public void release() {
    pages.releaseFrom(0);
    length = 0;
  }

  @Override
  public long byteSize() {
    return pages.byteSize();
  }
}
