package io.vquant.kernels.cuda;

import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/** Checks that stand before every kernel: kernels themselves trust their addresses. */
final class Operands {

  private Operands() {}

  /** Refuses a tensor that is not F32 {@code [rows, columns]} on a CUDA device. */
  static void require(String name, Tensor tensor, int rows, int columns) {
    if (tensor.dtype() != DType.F32 || tensor.rows() != rows || tensor.columns() != columns) {
      throw new IllegalArgumentException(
          "%s is %s [%d, %d]: expected F32 [%d, %d]"
              .formatted(name, tensor.dtype(), tensor.rows(), tensor.columns(), rows, columns));
    }
    if (!(tensor.storage() instanceof CudaStorage)) {
      throw new IllegalArgumentException(
          name + " is on " + tensor.storage().device() + ": expected a CUDA device");
    }
  }

  /** Address of element (0, 0) on the device. */
  static long address(Tensor tensor) {
    if (tensor.storage() instanceof CudaStorage storage) {
      return storage.address() + tensor.rowByteOffset(0);
    }
    throw new IllegalArgumentException(
        "tensor on " + tensor.storage().device() + ": expected a CUDA device");
  }

  /** Elements between rows. */
  static long stride(Tensor tensor) {
    return tensor.layout().rowStride();
  }

  /** Blocks of {@code threads} that cover {@code count}. */
  static int blocks(int count, int threads) {
    return Math.ceilDiv(count, threads);
  }
}
