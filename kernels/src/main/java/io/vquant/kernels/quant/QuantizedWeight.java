package io.vquant.kernels.quant;

import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Storage;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A matrix in codes. The weight at a place is {@code fma(scale, code, zero)} in float32, as {@link
 * AffineGrid#value}, or with 8 bits {@code scale * code}. An outlier's difference is added to that.
 *
 * @param layout where codes, scales and zeros lie
 * @param codes bytes, or 32-bit words
 * @param scales FP16, not negative
 * @param zeros FP16; empty with 8 bits
 * @param outliers none where the scheme keeps none
 */
public record QuantizedWeight(
    PanelLayout layout, Storage codes, Storage scales, Storage zeros, Outliers outliers)
    implements LinearWeight {

  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  public QuantizedWeight {
    requireBytes("codes", codes, layout.codeBytes());
    requireBytes("scales", scales, layout.scaleBytes());
    requireBytes("zeros", zeros, layout.zeroBytes());
    outliers.require(layout);
  }

  private static void requireBytes(String what, Storage storage, long byteSize) {
    if (storage.byteSize() != byteSize) {
      throw new IllegalArgumentException(
          "%s of %d bytes: expected %d".formatted(what, storage.byteSize(), byteSize));
    }
  }

  public QuantScheme scheme() {
    return layout.scheme();
  }

  @Override
  public int rows() {
    return layout.rows();
  }

  @Override
  public int columns() {
    return layout.columns();
  }

  @Override
  public long byteSize() {
    return layout.byteSize() + outliers.byteSize();
  }

  /** Writes a row, widened to float32, at {@code values[to ... to + columns - 1]}. */
  public void dequantizeRow(float[] values, int to, int row) {
    for (int column = 0; column < columns(); column++) {
      values[to + column] = codeValue(row, column);
    }
    int panel = row / PanelLayout.PANEL_ROWS;
    for (int i = outliers.starts()[panel]; i < outliers.starts()[panel + 1]; i++) {
      int place = outliers.places()[i];
      if (place % PanelLayout.PANEL_ROWS == row % PanelLayout.PANEL_ROWS) {
        values[to + place / PanelLayout.PANEL_ROWS] += outliers.differences()[i];
      }
    }
  }

  /** What the code of an element stands for, outlier or not. */
  float codeValue(int row, int column) {
    long at = layout.codeOffset(row, column);
    float scale = half(scales, row, column);
    if (!scheme().isAsymmetric()) {
      return scale * segment(codes).get(ValueLayout.JAVA_BYTE, at);
    }
    int code = (segment(codes).get(WORD, at) >>> layout.shift(column)) & CodeBits.FOUR.maxCode();
    return Math.fma(scale, (float) code, half(zeros, row, column));
  }

  private float half(Storage grid, int row, int column) {
    return Float16.toFloat(segment(grid).get(HALF, layout.scaleOffset(row, column)));
  }

  /** The bytes of one part in host memory. */
  public static MemorySegment segment(Storage part) {
    if (part instanceof HostStorage host) {
      return host.segment();
    }
    throw new IllegalStateException("weight on " + part.device() + " has no host memory");
  }
}
