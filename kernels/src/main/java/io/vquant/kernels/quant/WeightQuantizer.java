package io.vquant.kernels.quant;

import static io.vquant.kernels.quant.PanelLayout.PANEL_ROWS;

import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Quantizes one matrix in host memory, panel by panel; panels may be done by several threads, and
 * the result does not depend on them. With outliers, {@link #measure} all panels first.
 *
 * <p>An outlier does not take part in the fit of its group: the mean of the group's other weights
 * stands in for it.
 */
public final class WeightQuantizer {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Tensor weight;
  private final PanelLayout layout;
  private final QuantizeListener listener;
  private final Storage codes;
  private final Storage scales;
  private final Storage zeros;
  private final WeightSpread spread;
  private final PanelOutliers[] outliers;
  private final AtomicReference<@Nullable String> refusal = new AtomicReference<>();

  /**
   * A quantizer of one matrix.
   *
   * @param weight in host memory
   * @param allocator gives zeroed host memory
   * @throws UnfitSchemeException if rows are not whole groups
   */
  public WeightQuantizer(
      Tensor weight,
      QuantScheme scheme,
      LongFunction<Storage> allocator,
      QuantizeListener listener) {
    this.weight = weight;
    this.listener = listener;
    layout = new PanelLayout(scheme, weight.rows(), weight.columns());
    codes = allocator.apply(layout.codeBytes());
    scales = allocator.apply(layout.scaleBytes());
    zeros = allocator.apply(layout.zeroBytes());
    spread = new WeightSpread(weight.rows(), weight.columns());
    outliers = new PanelOutliers[layout.panels()];
  }

  public int panels() {
    return layout.panels();
  }

  /** Bytes of the block that {@link #encode} works in. */
  public long blockBytes() {
    return (long) layout.columns() * PANEL_ROWS * Float.BYTES;
  }

  /** Reads a panel for what tells outliers from others. */
  public void measure(int panel) {
    int first = panel * PANEL_ROWS;
    int end = Math.min(weight.rows(), first + PANEL_ROWS);
    for (int row = first; row < end; row++) {
      for (int column = 0; column < weight.columns(); column++) {
        spread.add(row, weightAt(row, column));
      }
    }
    listener.rowsRead(first, end - first);
  }

  /** After all panels are measured. */
  public void endMeasuring() {
    spread.end(layout.scheme().outlierSigmas());
  }

  /**
   * Encodes a panel.
   *
   * @param block memory of {@link #blockBytes}, of the calling thread
   */
  public void encode(int panel, MemorySegment block, PanelEncoder encoder) {
    if (refusal.get() != null || !fill(block, panel)) {
      return;
    }
    PanelOutliers kept = new PanelOutliers();
    if (layout.scheme().keepsOutliers()) {
      for (int row = 0; row < PANEL_ROWS; row++) {
        for (int group = 0; group < layout.groups(); group++) {
          kept.takeFrom(
              block, row, group * layout.scheme().group(), layout.scheme().group(), spread);
        }
      }
    }
    MemorySegment panelCodes = part(codes, panel, layout.panelCodeBytes());
    MemorySegment panelScales = part(scales, panel, layout.panelScaleBytes());
    boolean asymmetric = layout.scheme().isAsymmetric();
    MemorySegment panelZeros = part(zeros, panel, asymmetric ? layout.panelScaleBytes() : 0);
    encoder.encode(panelCodes, panelScales, panelZeros, block);
    outliers[panel] = kept;
    int first = panel * PANEL_ROWS;
    listener.rowsRead(first, Math.min(PANEL_ROWS, weight.rows() - first));
  }

  private static MemorySegment part(Storage storage, int panel, long byteSize) {
    return QuantizedWeight.segment(storage).asSlice(panel * byteSize, byteSize);
  }

  /** Rows side by side, those past the end 0; false if a weight cannot be quantized. */
  private boolean fill(MemorySegment block, int panel) {
    int first = panel * PANEL_ROWS;
    for (int lane = 0; lane < PANEL_ROWS; lane++) {
      int row = first + lane;
      for (int column = 0; column < weight.columns(); column++) {
        float value = row < weight.rows() ? weightAt(row, column) : 0;
        if (!(Math.abs(value) <= Float16.MAX_VALUE)) {
          refusal.compareAndSet(
              null,
              "weight %s at row %d, column %d: expected a magnitude of at most 65504"
                  .formatted(value, row, column));
          return false;
        }
        block.set(FLOAT, ((long) column * PANEL_ROWS + lane) * Float.BYTES, value);
      }
    }
    return true;
  }

  private float weightAt(int row, int column) {
    MemorySegment segment = weight.segment();
    DType dtype = weight.dtype();
    long at = weight.rowByteOffset(row) + (long) column * dtype.byteSize();
    return switch (dtype) {
      case F32 -> segment.get(FLOAT, at);
      case BF16 -> BFloat16.toFloat(segment.get(SHORT, at));
      case F16 -> Float.float16ToFloat(segment.get(SHORT, at));
    };
  }

  /**
   * The matrix, when all panels are encoded.
   *
   * @throws UnquantizableWeightException if a weight is not finite or over 65504 in magnitude
   */
  public QuantizedWeight finish() {
    String refused = refusal.get();
    if (refused != null) {
      throw new UnquantizableWeightException(refused);
    }
    PanelLayout shape = layout;
    QuantizedWeight coded =
        new QuantizedWeight(shape, codes, scales, zeros, Outliers.none(shape.panels()));
    return layout.scheme().keepsOutliers()
        ? new QuantizedWeight(shape, codes, scales, zeros, PanelOutliers.join(outliers, coded))
        : coded;
  }
}
