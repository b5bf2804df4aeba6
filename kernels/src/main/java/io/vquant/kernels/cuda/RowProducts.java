package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Products of one row with 16-bit weights that wait to be launched together: up to three weights
 * with the same input (q, k and v; gate and up) become one launch, and what stands before and after
 * is joined to it where it can be: RMSNorm of the input; rotary embedding and the place in plain
 * pages, a residual sum, or a gated activation of the results. Anything else that asks for the
 * stream launches what waits first, so the results are those of one operator after the other.
 */
final class RowProducts {
  private static final int THREADS = 512;
  private static final int MOST = 3;
  private static final int PAIRS_A_TILE = 8;
  private static final int STEP_COLUMNS = 32;
  private static final int TERM_BYTES = 3 * Short.BYTES;
  private static final int STATIC_SHARED_BYTES = 4096;
  private static final int VECTOR_BYTES = 16;

  private final CudaRuntime runtime;
  private final Map<DType, CudaFunction> plain = new EnumMap<>(DType.class);
  private final Map<DType, CudaFunction> gated = new EnumMap<>(DType.class);
  private final long[] weights = new long[MOST];
  private final long[] biases = new long[MOST];
  private final long[] outs = new long[MOST];
  private final int[] rows = new int[MOST];
  private final int[] halves = new int[MOST];
  private DType dtype = DType.F32;
  private long x;
  private int columns;
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

  /** Whether there is shared memory for an input row of so many columns. */
  private boolean fits(int inputColumns, boolean hasNorm) {
    return sharedByteSize(inputColumns, hasNorm)
        <= runtime.properties().sharedByteSizePerBlock() - STATIC_SHARED_BYTES;
  }

  private static int sharedByteSize(int inputColumns, boolean hasNorm) {
    int stride = (Math.ceilDiv(inputColumns, STEP_COLUMNS) + 1) * STEP_COLUMNS;
    return TERM_BYTES * stride + (hasNorm ? Float.BYTES * inputColumns : 0);
  }

  /** Keeps a norm of one row for the products that take it; nothing else waits. */
  void defer(CudaRmsNorm operator, Tensor out, Tensor input, long weight, float epsilon) {
    norm = new PendingNorm(operator, out, input, weight, epsilon);
  }

  /**
   * Adds {@code out = weight input + bias}; addresses on the device.
   *
   * @return false if there is no such kernel for these operands: nothing waits then
   */
  boolean add(Tensor out, Tensor input, Tensor weight, long bias) {
    DType type = weight.dtype();
    long inputAddress = Operands.address(input);
    boolean is16Bit = type == DType.BF16 || type == DType.F16;
    long rowByteSize = (long) weight.columns() * type.byteSize();
    boolean isAligned = (inputAddress | Operands.address(weight) | rowByteSize) % VECTOR_BYTES == 0;
    if (!is16Bit || !isAligned || !fits(weight.columns(), false)) {
      launch();
      return false;
    }
    boolean joins = type == dtype && inputAddress == x && append == null && count < MOST;
    if (count > 0 && !(joins && weight.columns() == columns)) {
      launch();
    }
    if (count == 0 && norm != null && !takesNorm(out, inputAddress, weight.columns())) {
      launch();
    }
    dtype = type;
    x = inputAddress;
    columns = weight.columns();
    weights[count] = Operands.address(weight);
    biases[count] = bias;
    outs[count] = Operands.address(out);
    rows[count] = weight.rows();
    halves[count] = PAIRS_A_TILE;
    count++;
    return true;
  }

  private boolean takesNorm(Tensor out, long input, int inputColumns) {
    return norm != null
        && norm.normed() == input
        && norm.x().columns() == inputColumns
        && norm.source() % VECTOR_BYTES == 0
        && norm.weight() % VECTOR_BYTES == 0
        && norm.source() != Operands.address(out)
        && fits(inputColumns, true);
  }

  /** Joins {@code residual += delta} when one product waits and delta is its result. */
  boolean joinResidual(long residual, long delta, int size) {
    boolean isInput = residual == x || (norm != null && norm.source() == residual);
    if (count != 1 || outs[0] != delta || rows[0] != size || isInput || append != null) {
      return false;
    }
    launchPlain(residual);
    return true;
  }

  /** Joins {@code gate = silu(gate) * up} when these are the two results that wait. */
  boolean joinGate(long gate, long up, int size) {
    boolean both = count == 2 && outs[0] == gate && outs[1] == up;
    if (!both || rows[0] != size || rows[1] != size || rotated != 0) {
      return false;
    }
    KernelCall call = begin(gated, Kernel.GEMV_GATED);
    for (int i = 0; i < 2; i++) {
      call.int64(weights[i]).int64(biases[i]).int64(outs[i]);
    }
    finish(call.int32(size), Operands.blocks(size, PAIRS_A_TILE));
    return true;
  }

  /** Joins rotary embedding by {@code [half]} angles when {@code result} waits. */
  boolean joinRotary(long result, int size, long anglesAddress, int half) {
    boolean sameAngles = rotated == 0 || angles == anglesAddress;
    for (int i = 0; i < count && sameAngles && append == null; i++) {
      boolean isWhole = rows[i] == size && size % (2 * half) == 0;
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
    if (!areLast || rows[1] != size || rows[2] != size || append != null) {
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
    KernelCall call = begin(plain, Kernel.GEMV_16);
    int tiles = 0;
    for (int i = 0; i < MOST; i++) {
      boolean used = i < count;
      call.int64(used ? weights[i] : 0).int64(used ? biases[i] : 0).int64(used ? outs[i] : 0);
      call.int32(used ? rows[i] : 0).int32(used ? halves[i] : PAIRS_A_TILE);
      tiles += used ? tiles(rows[i], halves[i]) : 0;
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

  /** As {@code Part::tiles} in {@code gemv_16.cu}. */
  private static int tiles(int rows, int half) {
    return Math.ceilDiv(Math.ceilDiv(rows, 2 * half) * half, PAIRS_A_TILE);
  }

  private KernelCall begin(Map<DType, CudaFunction> functions, Kernel kernel) {
    CudaFunction function = functions.computeIfAbsent(dtype, type -> load(kernel, type));
    KernelCall call = function.call();
    call.int64(norm == null ? x : norm.source()).int32(columns);
    if (norm == null) {
      return call.int64(0).int64(0).float32(0);
    }
    return call.int64(norm.weight()).int64(norm.normed()).float32(norm.epsilon());
  }

  private CudaFunction load(Kernel kernel, DType type) {
    CudaFunction function = runtime.function(kernel, type);
    function.allowSharedMemory(runtime.properties().sharedByteSizePerBlock() - STATIC_SHARED_BYTES);
    return function;
  }

  private void finish(KernelCall call, int tiles) {
    int shared = sharedByteSize(columns, norm != null);
    count = 0;
    rotated = 0;
    append = null;
    norm = null;
    int blocks = Math.min(tiles, runtime.properties().multiprocessors());
    call.sharedMemory(shared).launch(runtime.currentStream(), blocks, 1, 1, THREADS);
  }
}
