package io.vquant.kernels.cpu;

import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.HeadRows;
import io.vquant.kernels.kvcache.PageBounds;
import io.vquant.kernels.kvcache.PageCodec;
import java.lang.foreign.MemorySegment;

/**
 * The codec of integer pages in the Vector API: the bits of {@link
 * io.vquant.kernels.kvcache.GroupEncoding#codec}, on vectors of any width. One worker's; its
 * working memory is freed with it.
 */
final class CpuPageCodec implements PageCodec, AutoCloseable {

  private final GroupLayout layout;
  private final Scratch scratch = new Scratch();
  private final PageEncoder encoder;
  private final PageDecoder decoder;

  CpuPageCodec(GroupLayout layout) {
    this.layout = layout;
    long encoderBytes = PageEncoder.scratchByteSize(layout);
    long memory = scratch.atLeast(encoderBytes + PageDecoder.scratchByteSize(layout));
    encoder = new PageEncoder(layout, memory);
    decoder = new PageDecoder(layout, memory + encoderBytes);
  }

  @Override
  public long byteSize() {
    return layout.byteSize();
  }

  @Override
  public void encode(MemorySegment page, long byteOffset, HeadRows rows, long lines) {
    PageBounds.require(page, byteOffset, byteSize(), rows, layout.headDim());
    encoder.encode(page.address() + byteOffset, rows, lines);
  }

  @Override
  public void decode(HeadRows rows, MemorySegment page, long byteOffset) {
    PageBounds.require(page, byteOffset, byteSize(), rows, layout.headDim());
    decoder.decode(rows, page.address() + byteOffset);
  }

  @Override
  public void close() {
    scratch.close();
  }
}
