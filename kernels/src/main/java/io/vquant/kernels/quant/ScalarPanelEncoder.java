package io.vquant.kernels.quant;

import static io.vquant.kernels.quant.PanelLayout.PANEL_ROWS;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The specification of what a quantized matrix holds: with 4 bits the grid that {@link
 * GroupQuantizer} finds and the codes nearest on it, with 8 bits those of {@link SymmetricGrid}.
 */
public final class ScalarPanelEncoder implements PanelEncoder {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final PanelLayout panel;
  private final GroupQuantizer quantizer;
  private final float[] group;

  /** An encoder of matrices with rows of so many columns. */
  public ScalarPanelEncoder(QuantScheme scheme, int columns) {
    panel = new PanelLayout(scheme, PANEL_ROWS, columns);
    quantizer = new GroupQuantizer(scheme.bits());
    group = new float[scheme.group()];
  }

  @Override
  public void encode(
      MemorySegment codes, MemorySegment scales, MemorySegment zeros, MemorySegment block) {
    codes.fill((byte) 0);
    for (int row = 0; row < PANEL_ROWS; row++) {
      for (int first = 0; first < panel.columns(); first += group.length) {
        for (int i = 0; i < group.length; i++) {
          group[i] = block.get(FLOAT, ((first + i) * (long) PANEL_ROWS + row) * Float.BYTES);
        }
        encodeGroup(codes, scales, zeros, row, first);
      }
    }
  }

  private void encodeGroup(
      MemorySegment codes, MemorySegment scales, MemorySegment zeros, int row, int first) {
    long at = panel.scaleOffset(row, first);
    if (panel.scheme().isAsymmetric()) {
      AffineGrid grid = quantizer.fit(group);
      scales.set(HALF, at, grid.scale());
      zeros.set(HALF, at, grid.zero());
      for (int i = 0; i < group.length; i++) {
        addCode(codes, row, first + i, grid.code(group[i], panel.scheme().bits()));
      }
      return;
    }
    short scale = SymmetricGrid.scale(group);
    float inverse = AffineGrid.inverse(Float16.toFloat(scale));
    scales.set(HALF, at, scale);
    for (int i = 0; i < group.length; i++) {
      byte code = (byte) SymmetricGrid.code(group[i], inverse);
      codes.set(ValueLayout.JAVA_BYTE, panel.codeOffset(row, first + i), code);
    }
  }

  private void addCode(MemorySegment codes, int row, int column, int code) {
    long at = panel.codeOffset(row, column);
    codes.set(WORD, at, codes.get(WORD, at) | (code << panel.shift(column)));
  }
}
