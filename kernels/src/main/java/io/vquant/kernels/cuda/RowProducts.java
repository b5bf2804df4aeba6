package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.tensor.DType;

/**
 * Products of one row that wait to be launched together: up to three weights with the same input
 * (q, k and v; gate and up) become one launch, and what follows is joined to it where it can be: a
 * residual sum, or a gated activation. Anything else that asks for the stream launches what waits
 * first, so the results are those of one operator after the other.
 */
final class RowProducts {
  private static final int THREADS = 256;
  private static final int WARPS = THREADS / 32;
  private static final int ROWS_A_WARP = 2;
  private static final int MOST = 3;

  private final CudaRuntime runtime;
  private final long[] weights = new long[MOST];
  private final long[] biases = new long[MOST];
  private final long[] outs = new long[MOST];
  private final int[] rows = new int[MOST];
  private DType dtype = DType.F32;
  private long x;
  private int inFeatures;
  private int count;

  RowProducts(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Adds {@code out = weight x + bias}; addresses on the device, aligned to 16 bytes. */
  void add(DType type, long input, int columns, long weight, long bias, long out, int outRows) {
    boolean joins = count < MOST && type == dtype && input == x && columns == inFeatures;
    if (count > 0 && !joins) {
      launch();
    }
    dtype = type;
    x = input;
    inFeatures = columns;
    weights[count] = weight;
    biases[count] = bias;
    outs[count] = out;
    rows[count] = outRows;
    count++;
  }

  /** Joins {@code residual += delta} when one product waits and delta is its result. */
  boolean joinResidual(long residual, long delta, int size) {
    if (count != 1 || outs[0] != delta || rows[0] != size || residual == x) {
      return false;
    }
    launch(residual);
    return true;
  }

  /** Joins {@code gate = silu(gate) * up} when these are the two results that wait. */
  boolean joinGate(long gate, long up, int size) {
    if (count != 2 || outs[0] != gate || outs[1] != up || rows[0] != size || rows[1] != size) {
      return false;
    }
    CudaStream stream = runtime.currentStream();
    KernelCall call = runtime.function(Kernel.GEMV_GATED, dtype).call();
    call.int64(x).int32(inFeatures);
    for (int i = 0; i < 2; i++) {
      call.int64(weights[i]).int64(biases[i]).int64(outs[i]);
    }
    call.int32(size).launch(stream, Operands.blocks(size, WARPS), 1, 1, THREADS);
    count = 0;
    return true;
  }

  /** Launches what waits. */
  void launch() {
    if (count > 0) {
      launch(0);
    }
  }

  private void launch(long residual) {
    CudaStream stream = runtime.currentStream();
    KernelCall call = runtime.function(Kernel.GEMV, dtype).call();
    call.int64(x).int32(inFeatures);
    int pairs = 0;
    for (int i = 0; i < MOST; i++) {
      boolean used = i < count;
      call.int64(used ? weights[i] : 0).int64(used ? biases[i] : 0);
      call.int64(used ? outs[i] : 0).int32(used ? rows[i] : 0);
      pairs += used ? Math.ceilDiv(rows[i], ROWS_A_WARP) : 0;
    }
    call.int64(residual);
    count = 0;
    call.launch(stream, Operands.blocks(pairs, WARPS), 1, 1, THREADS);
  }
}
