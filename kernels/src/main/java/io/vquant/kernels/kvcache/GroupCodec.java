package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.AffineGrid;
import io.vquant.kernels.quant.Float16;
import io.vquant.kernels.quant.GroupQuantizer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The specification of {@link GroupEncoding}: one element at a time. */
final class GroupCodec implements PageCodec {

  private static final int TOKENS = PageLayout.TOKENS;
  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final GroupLayout layout;
  private final GroupQuantizer quantizer;

  GroupCodec(GroupLayout layout) {
    this.layout = layout;
    quantizer = new GroupQuantizer(layout.bits());
  }

  @Override
  public long byteSize() {
    return layout.byteSize();
  }

  @Override
  public void encode(MemorySegment page, long byteOffset, HeadRows rows, long lines) {
    PageBounds.require(page, byteOffset, byteSize(), rows, layout.headDim());
    StorableRows.require(rows);
    page.asSlice(byteOffset, byteSize()).fill((byte) 0);
    if (layout.isPerToken()) {
      for (int token = 0; token < TOKENS; token++) {
        for (int first = 0; first < layout.headDim(); first += layout.groupSize()) {
          encodeTokenGroup(page, byteOffset, rows, token, first);
        }
      }
    } else {
      for (int channel = 0; channel < layout.headDim(); channel++) {
        encodeChannelGroup(page, byteOffset, rows, channel, lines);
      }
    }
  }

  private void encodeTokenGroup(
      MemorySegment page, long byteOffset, HeadRows rows, int token, int firstChannel) {
    float[] group = new float[layout.groupSize()];
    for (int i = 0; i < group.length; i++) {
      group[i] = rows.get(token, firstChannel + i);
    }
    AffineGrid grid = quantizer.fit(group);
    setGrid(page, byteOffset, layout.group(token, firstChannel), grid);
    for (int i = 0; i < group.length; i++) {
      setCode(page, byteOffset, token, firstChannel + i, grid.code(group[i], layout.bits()));
    }
  }

  private void encodeChannelGroup(
      MemorySegment page, long byteOffset, HeadRows rows, int channel, long lines) {
    float[] group = new float[TOKENS];
    for (int token = 0; token < TOKENS; token++) {
      group[token] = rows.get(token, channel);
    }
    AffineGrid grid = quantizer.fit(group, lines);
    setGrid(page, byteOffset, layout.group(0, channel), grid);
    for (int token = 0; token < TOKENS; token++) {
      setCode(page, byteOffset, token, channel, grid.code(group[token], layout.bits()));
    }
  }

  private void setGrid(MemorySegment page, long byteOffset, int group, AffineGrid grid) {
    long at = byteOffset + (long) group * Short.BYTES;
    page.set(HALF, at + layout.scalesOffset(), grid.scale());
    page.set(HALF, at + layout.zerosOffset(), grid.zero());
  }

  private void setCode(MemorySegment page, long byteOffset, int token, int channel, int code) {
    long at = byteOffset + layout.wordOffset(token, channel);
    page.set(WORD, at, page.get(WORD, at) | (code << layout.shift(token, channel)));
  }

  @Override
  public void decode(HeadRows rows, MemorySegment page, long byteOffset) {
    PageBounds.require(page, byteOffset, byteSize(), rows, layout.headDim());
    for (int token = 0; token < TOKENS; token++) {
      for (int channel = 0; channel < layout.headDim(); channel++) {
        long grid = byteOffset + (long) layout.group(token, channel) * Short.BYTES;
        float scale = Float16.toFloat(page.get(HALF, grid + layout.scalesOffset()));
        float zero = Float16.toFloat(page.get(HALF, grid + layout.zerosOffset()));
        int word = page.get(WORD, byteOffset + layout.wordOffset(token, channel));
        int code = (word >>> layout.shift(token, channel)) & layout.bits().maxCode();
        rows.set(token, channel, Math.fma(scale, (float) code, zero));
      }
    }
  }
}
