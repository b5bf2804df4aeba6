package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantScheme;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Products of one row with weights in codes that wait to be launched together, as {@link
 * RowProducts} are: up to three weights of one scheme with the same input, joined by the residual
 * sum or the gated activation that follows.
 */
final class CodeProducts {
  private static final int MOST = 3;

  private final CudaRuntime runtime;
  private final Map<QuantScheme, CudaFunction> functions = new HashMap<>();
  private final @Nullable CodeMatrix[] weights = new CodeMatrix[MOST];
  private final long[] biases = new long[MOST];
  private final long[] outs = new long[MOST];
  private long x;
  private int count;

  CodeProducts(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Whether a row of so many columns fits into the device's shared memory. */
  boolean fits(PanelLayout layout) {
    return shape(layout.scheme(), layout.columns(), layout.panels(), false).isPresent();
  }

  private Optional<RowLaunch> shape(QuantScheme scheme, int columns, int panels, boolean gated) {
    return RowLaunch.choose(runtime.properties(), scheme, columns, panels, gated);
  }

  /** Adds {@code out = weight input + bias}; addresses of F32 on the device, bias may be 0. */
  void add(CodeMatrix weight, long input, long bias, long out) {
    if (count > 0 && !joins(weight, input)) {
      launch();
    }
    x = input;
    weights[count] = weight;
    biases[count] = bias;
    outs[count] = out;
    count++;
  }

  private boolean joins(CodeMatrix weight, long input) {
    PanelLayout first = weight(0).layout();
    PanelLayout other = weight.layout();
    return count < MOST
        && input == x
        && other.columns() == first.columns()
        && isCodedAs(first.scheme(), other.scheme());
  }

  /** What is kept as outliers may differ. */
  private static boolean isCodedAs(QuantScheme a, QuantScheme b) {
    return a.bits() == b.bits() && a.group() == b.group();
  }

  private CodeMatrix weight(int index) {
    CodeMatrix weight = weights[index];
    if (weight == null) {
      throw new IllegalStateException("product " + index + " of " + count);
    }
    return weight;
  }

  /** Joins {@code residual += delta} when one product waits and delta is its result. */
  boolean joinResidual(long residual, long delta, int size) {
    if (count != 1 || outs[0] != delta || weight(0).rows() != size || residual == x) {
      return false;
    }
    launch(false, residual);
    return true;
  }

  /** Joins {@code gate = silu(gate) * up} when these are the two results that wait. */
  boolean joinGate(long gate, long up, int size) {
    if (count != 2
        || outs[0] != gate
        || outs[1] != up
        || weight(0).rows() != size
        || weight(1).rows() != size) {
      return false;
    }
    PanelLayout layout = weight(0).layout();
    if (shape(layout.scheme(), layout.columns(), layout.panels(), true).isEmpty()) {
      return false;
    }
    launch(true, 0);
    return true;
  }

  /** Launches what waits. */
  void launch() {
    if (count > 0) {
      launch(false, 0);
    }
  }

  private void launch(boolean gated, long residual) {
    PanelLayout layout = weight(0).layout();
    int panels = layout.panels();
    for (int i = 1; i < count && !gated; i++) {
      panels += weight(i).layout().panels();
    }
    RowLaunch shape = shape(layout.scheme(), layout.columns(), panels, gated).orElseThrow();
    KernelCall call = function(layout.scheme()).call().int64(x).int32(layout.columns());
    CodeMatrix none = new CodeMatrix(layout, 0, 0, 0, 0, 0, 0);
    for (int i = 0; i < MOST; i++) {
      boolean used = i < count;
      (used ? weight(i) : none).addTo(call);
      call.int64(used ? biases[i] : 0).int64(used ? outs[i] : 0);
      call.int32(used ? weight(i).rows() : 0);
    }
    count = 0;
    call.int32(gated ? 1 : 0).int32(panels).int64(residual);
    call.cluster(shape.cluster()).sharedMemory(shape.sharedByteSize());
    int blocks = shape.clusters() * shape.cluster();
    call.launch(runtime.currentStream(), blocks, 1, 1, RowLaunch.THREADS);
  }

  private CudaFunction function(QuantScheme scheme) {
    return functions.computeIfAbsent(
        scheme,
        key -> {
          CudaFunction function = runtime.function(Kernel.GEMV_CODES, key);
          function.allowSharedMemory(runtime.properties().sharedByteSizePerBlock());
          return function;
        });
  }
}
