package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.UnpackedRange;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/**
 * The product of many rows with a weight in codes: unpacked to FP16 in memory, range by range, then
 * multiplied on tensor cores with rows rounded to FP16.
 */
final class UnpackedProduct {
  private static final int THREADS = 256;

  /** Columns of a panel that a block takes. */
  private static final int TILE_COLUMNS = 128;

  private static final int ROWS_A_BLOCK = THREADS / 32;

  private final CudaRuntime runtime;
  private final CodeMatrix weight;
  private final long bias;
  private final int rangeRows;
  private final CudaFunction dequantize;
  private final CudaFunction restoreOutliers;
  private final Map<Place, TensorCoreProduct> products = new HashMap<>();

  /** Where the rows from {@code first} on have been unpacked. */
  private record Place(long address, int first) {}

  UnpackedProduct(CudaRuntime runtime, CodeMatrix weight, long bias) {
    this.runtime = runtime;
    this.weight = weight;
    this.bias = bias;
    rangeRows = UnpackedRange.rows(weight.rows(), weight.columns());
    dequantize = runtime.function(Kernel.DEQUANTIZE, weight.layout().scheme());
    restoreOutliers = runtime.function(Kernel.RESTORE_OUTLIERS, weight.layout().scheme());
    runtime.unpackedWeights().reserve(UnpackedRange.byteSize(weight.rows(), weight.columns()));
  }

  void multiply(Tensor out, Tensor x) {
    runtime.rowProducts().launch();
    for (int first = 0; first < weight.rows(); first += rangeRows) {
      int count = Math.min(rangeRows, weight.rows() - first);
      long address = runtime.unpackedWeights().next();
      unpack(address, weight.range(first, count));
      Layout columns =
          new Layout(out.layout().offset() + first, out.rows(), count, out.layout().rowStride());
      product(address, first, count).multiply(new Tensor(out.storage(), out.dtype(), columns), x);
    }
  }

  private void unpack(long address, CodeMatrix range) {
    CudaStream stream = runtime.currentStream();
    PanelLayout layout = range.layout();
    int group = layout.scheme().group();
    dequantize
        .call()
        .int64(address)
        .int64(range.codes())
        .int64(range.scales())
        .int64(range.zeros())
        .int32(range.rows())
        .int32(range.columns())
        .int32(group)
        .launch(
            stream, layout.panels(), Operands.blocks(range.columns(), TILE_COLUMNS), 1, THREADS);
    if (range.hasOutliers()) {
      KernelCall call = restoreOutliers.call().int64(address);
      range.addTo(call);
      call.int32(range.rows())
          .int32(range.columns())
          .int32(group)
          .launch(stream, Operands.blocks(range.rows(), ROWS_A_BLOCK), 1, 1, THREADS);
    }
  }

  private TensorCoreProduct product(long address, int first, int count) {
    return products.computeIfAbsent(
        new Place(address, first),
        place -> {
          long byteSize = (long) count * weight.columns() * DType.F16.byteSize();
          CudaStorage storage = new CudaStorage(runtime.device(), address, byteSize);
          Tensor unpacked = new Tensor(storage, DType.F16, Layout.dense(count, weight.columns()));
          long ownBias = bias == 0 ? 0 : bias + (long) first * Float.BYTES;
          return new TensorCoreProduct(runtime, unpacked, ownBias);
        });
  }
}
