package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.blas.BlasProducts;
import io.vquant.kernels.cuda.blas.BlasShape;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/**
 * The product of many rows with a 16-bit weight: rows are rounded to its type, sums are float32.
 * Where this machine has NVIDIA's library it multiplies BF16; F16 rows carry scales of their own,
 * which it does not know.
 */
final class TensorCoreProduct {
  private static final int THREADS = 256;
  private static final int TILE_ROWS = 128;
  private static final int TILE_FEATURES = 256;
  private static final int STAGE_BYTES = (TILE_ROWS + TILE_FEATURES) * 64 * 2;
  private static final int HOPPER_STAGES = 4;
  private static final int STAGES = 2;
  private static final int SWIZZLE_ALIGNMENT = 1024;
  private static final int CHUNK = 8;
  private static final int NARROWED_A_THREAD = 4;
  private static final int ALIGNMENT = 256;

  /**
   * With fewer rows a prompt is bound by the weights, and opening the library is not worth it; it
   * is for a step of several sequences, since many follow.
   */
  private static final int LIBRARY_ROWS = 128;

  private final CudaRuntime runtime;
  private final Tensor weight;
  private final long bias;
  private final CudaFunction narrow;
  private final CudaFunction gemm;
  private final int sharedByteSize;

  /**
   * @param weight {@code [outFeatures, inFeatures]} on the device, dense; {@link #fits} holds
   * @param bias device address of F32, or 0
   */
  TensorCoreProduct(CudaRuntime runtime, Tensor weight, long bias) {
    this.runtime = runtime;
    this.weight = weight;
    this.bias = bias;
    narrow = runtime.function(Kernel.NARROW, weight.dtype());
    gemm = runtime.function(Kernel.GEMM_16, weight.dtype());
    boolean hopper = runtime.properties().major() == 9;
    sharedByteSize = (hopper ? HOPPER_STAGES : STAGES) * STAGE_BYTES + SWIZZLE_ALIGNMENT;
    gemm.allowSharedMemory(sharedByteSize);
  }

  /** Whether rows of the weight are whole 16-byte chunks of a 16-bit type. */
  static boolean fits(Tensor weight) {
    return weight.dtype() != DType.F32 && weight.columns() % CHUNK == 0;
  }

  void multiply(Tensor out, Tensor x) {
    boolean isWorth = x.rows() >= LIBRARY_ROWS || runtime.sequenceRows().isUnderWay();
    boolean mayUseLibrary = weight.dtype() == DType.BF16 && isWorth;
    BlasProducts library = mayUseLibrary ? runtime.blas() : null;
    long operandByteSize = (long) x.rows() * x.columns() * weight.dtype().byteSize();
    long workOffset = Math.ceilDiv(operandByteSize, ALIGNMENT) * (long) ALIGNMENT;
    long workByteSize =
        library != null ? BlasProducts.WORKSPACE_BYTES : (long) x.rows() * Float.BYTES;
    long operand = runtime.scratch(workOffset + workByteSize);
    long scales = weight.dtype() == DType.F16 ? operand + workOffset : 0;
    runtime.rowProducts().launch();
    CudaStream stream = runtime.currentStream();
    if (!runtime.isNarrowed(operand, x, weight.dtype())) {
      narrowRows(stream, operand, scales, x);
    }
    boolean isDone =
        library != null
            && library.multiply(
                shape(out),
                stream.address(),
                Operands.address(out),
                operand,
                Operands.address(weight),
                bias,
                operand + workOffset);
    if (!isDone) {
      multiplyTiles(stream, out, operand, scales);
    }
  }

  private BlasShape shape(Tensor out) {
    return new BlasShape(
        out.rows(),
        weight.rows(),
        weight.columns(),
        Operands.stride(out),
        bias != 0,
        BlasShape.alignment(Operands.address(out)),
        BlasShape.alignment(Operands.address(weight)));
  }

  private void multiplyTiles(CudaStream stream, Tensor out, long operand, long scales) {
    int tiles =
        Math.multiplyExact(
            Operands.blocks(out.rows(), TILE_ROWS), Operands.blocks(weight.rows(), TILE_FEATURES));
    gemm.call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(operand)
        .int64(Operands.address(weight))
        .int64(bias)
        .int64(scales)
        .int32(out.rows())
        .int32(weight.rows())
        .int32(weight.columns())
        .sharedMemory(sharedByteSize)
        .launch(stream, tiles, 1, 1, THREADS);
  }

  private void narrowRows(CudaStream stream, long operand, long scales, Tensor x) {
    KernelCall call = narrow.call().int64(operand);
    // Few rows alone would leave most of the device without work.
    int parts = Operands.blocks(x.columns(), NARROWED_A_THREAD * THREADS);
    if (scales != 0) {
      call.int64(scales);
      parts = 1;
    }
    call.int64(Operands.address(x))
        .int64(Operands.stride(x))
        .int32(x.columns())
        .launch(stream, x.rows(), parts, 1, THREADS);
  }
}
