package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Products of one row with weights of 16 bits or in codes that wait to be launched together: up to
 * three weights with the same input (q, k and v; gate and up) become one launch, and what stands
 * before and after is joined to it where it can be: RMSNorm of the input; rotary embedding and the
 * place in plain pages, a residual sum, or a gated activation of the results. Anything else that
 * asks for the stream launches what waits first, so the results are those of one operator after the
 * other.
 */
final class RowProducts {
  private static final int MOST = 3;

  /** At least what the kernels take besides the input row: sums of the warps of a block. */
  private static final int STATIC_SHARED_BYTES = 9216;

  private static final int VECTOR_BYTES = 16;

  private final CudaRuntime runtime;
  private final Map<Object, CudaFunction> plain = new HashMap<>();
  private final Map<Object, CudaFunction> gated = new HashMap<>();
  private final RowWeight[] weights = new RowWeight[MOST];
  private final long[] biases = new long[MOST];
  private final long[] outs = new long[MOST];
  private final int[] halves = new int[MOST];
  private long x;
  private int count;
  private @Nullable PendingNorm norm;
  private long angles;
  private int rotated;
  private @Nullable Append append;

  /** A norm that is launched alone if no product takes its result. */
  private record PendingNorm(
      CudaRmsNorm operator, Tensor out, Tensor x, long weight, float epsilon) {
    long normed() {
      return Operands.address(out);
    }

    long source() {
      return Operands.address(x);
    }
  }

  private record Append(long pages, long position, PageLayout layout) {}

  RowProducts(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Whether there is shared memory for an input row. */
  boolean fits(RowWeight weight) {
    return weight.sharedByteSize(sharedLimit()) <= sharedLimit();
  }

  private int sharedLimit() {
    return runtime.properties().sharedByteSizePerBlock() - STATIC_SHARED_BYTES;
  }

  /** Keeps a norm of one row for the products that take it; nothing else waits. */
  void defer(CudaRmsNorm operator, Tensor out, Tensor input, long weight, float epsilon) {
    norm = new PendingNorm(operator, out, input, weight, epsilon);
  }

  /** Adds {@code out = weight input + bias} for a weight that fits; the bias' address or 0. */
  void add(Tensor out, Tensor input, RowWeight weight, long bias) {
    long inputAddress = Operands.address(input);
    if (count > 0 && !joins(weight, inputAddress)) {
      launch();
    }
    if (norm != null && !takesNorm(norm, out, inputAddress, weight.columns())) {
      launch();
    }
    x = inputAddress;
    weights[count] = weight;
    biases[count] = bias;
    outs[count] = Operands.address(out);
    halves[count] = weight.pairsATile();
    count++;
  }

  private boolean joins(RowWeight weight, long input) {
    return count < MOST
        && append == null
        && input == x
        && weight.columns() == weights[0].columns()
        && weight.kind().equals(weights[0].kind());
  }

  private static boolean takesNorm(PendingNorm norm, Tensor out, long input, int columns) {
    return norm.normed() == input
        && norm.x().columns() == columns
        && norm.weight() % VECTOR_BYTES == 0
        && norm.source() != Operands.address(out);
  }

  /** Joins {@code residual += delta} when one product waits and delta is its result. */
  boolean joinResidual(long residual, long delta, int size) {
    boolean isInput = residual == x || (norm != null && norm.source() == residual);
    if (count != 1 || outs[0] != delta || weights[0].rows() != size || isInput || append != null) {
      return false;
    }
    launchPlain(residual);
    return true;
  }

  /** Joins {@code gate = silu(gate) * up} when these are the two results that wait. */
  boolean joinGate(long gate, long up, int size) {
    boolean both = count == 2 && outs[0] == gate && outs[1] == up;
    if (!both || weights[0].rows() != size || weights[1].rows() != size || rotated != 0) {
      return false;
    }
    KernelCall call = begin(true);
    for (int i = 0; i < 2; i++) {
      weights[i].addTo(call);
      call.int64(biases[i]).int64(outs[i]).int32(size).int32(halves[i]);
    }
    finish(call, Operands.blocks(size, weights[0].pairsATile()));
    return true;
  }

  /** Joins rotary embedding by {@code [half]} angles when {@code result} waits. */
  boolean joinRotary(long result, int size, long anglesAddress, int half) {
    boolean sameAngles = rotated == 0 || angles == anglesAddress;
    boolean fits = count > 0 && half % weights[0].pairAlignment() == 0;
    for (int i = 0; i < count && sameAngles && fits && append == null; i++) {
      boolean isWhole = weights[i].rows() == size && size % (2 * half) == 0;
      if (outs[i] == result && isWhole && (rotated >> i & 1) == 0) {
        angles = anglesAddress;
        halves[i] = half;
        rotated |= 1 << i;
        return true;
      }
    }
    return false;
  }

  /** Whether a result that waits will read angles. */
  boolean isRotating() {
    return rotated != 0;
  }

  /** Joins writing keys and values into pages when they are the last two of three that wait. */
  boolean joinAppend(long keys, long values, long pages, long position, PageLayout layout) {
    int size = layout.numKvHeads() * layout.headDim();
    boolean areLast = count == MOST && outs[1] == keys && outs[2] == values;
    if (!areLast || weights[1].rows() != size || weights[2].rows() != size || append != null) {
      return false;
    }
    append = new Append(pages, position, layout);
    return true;
  }

  /** Launches what waits. */
  void launch() {
    if (count > 0) {
      launchPlain(0);
    } else if (norm != null) {
      PendingNorm alone = norm;
      norm = null;
      alone.operator().launch(alone.out(), alone.x());
    }
  }

  private void launchPlain(long residual) {
    KernelCall call = begin(false);
    int tiles = 0;
    for (int i = 0; i < MOST; i++) {
      // A part that is not used is the first again, without rows.
      boolean used = i < count;
      weights[used ? i : 0].addTo(call);
      call.int64(used ? biases[i] : 0).int64(used ? outs[i] : 0);
      call.int32(used ? weights[i].rows() : 0).int32(used ? halves[i] : weights[0].pairsATile());
      tiles += used ? tiles(weights[i], halves[i]) : 0;
    }
    call.int64(residual).int64(angles).int32(rotated);
    if (append == null) {
      call.int64(0).int64(0).int32(1).int32(0);
    } else {
      PageLayout layout = append.layout();
      call.int64(append.pages()).int64(append.position()).int32(layout.headDim());
      call.int32(layout.dtype() == DType.F32 ? 1 : 0);
    }
    finish(call, tiles);
  }

  /** As {@code Part::tiles} in {@code row_products.cuh}. */
  private static int tiles(RowWeight weight, int half) {
    return Math.ceilDiv(Math.ceilDiv(weight.rows(), 2 * half) * half, weight.pairsATile());
  }

  private KernelCall begin(boolean isGated) {
    Object kind = weights[0].kind();
    CudaFunction function =
        (isGated ? gated : plain).computeIfAbsent(kind, any -> load(weights[0], isGated));
    KernelCall call = function.call();
    call.int64(norm == null ? x : norm.source()).int32(weights[0].columns());
    if (norm == null) {
      call.int64(0).int64(0).float32(0);
    } else {
      call.int64(norm.weight()).int64(norm.normed()).float32(norm.epsilon());
    }
    weights[0].addSharedTo(call, sharedLimit());
    return call;
  }

  private CudaFunction load(RowWeight weight, boolean isGated) {
    CudaFunction function = weight.function(runtime, isGated);
    function.allowSharedMemory(sharedLimit());
    function.preferSharedMemory(weight.sharedPercent());
    return function;
  }

  private void finish(KernelCall call, int tiles) {
    int shared = weights[0].sharedByteSize(sharedLimit());
    int threads = weights[0].threadsABlock();
    count = 0;
    rotated = 0;
    append = null;
    norm = null;
    int blocks = Math.min(tiles, runtime.properties().multiprocessors());
    call.sharedMemory(shared).launch(runtime.currentStream(), blocks, 1, 1, threads);
  }
}
