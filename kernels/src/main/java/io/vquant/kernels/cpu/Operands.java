package io.vquant.kernels.cpu;

import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Checks that stand before every kernel: kernels themselves trust their addresses. */
final class Operands {

  private Operands() {}

  /** Refuses a tensor that is not F32 {@code [rows, columns]} in host memory. */
  static void require(String name, Tensor tensor, int rows, int columns) {
    if (tensor.dtype() != DType.F32 || tensor.rows() != rows || tensor.columns() != columns) {
      throw new IllegalArgumentException(
          name
              + " is "
              + tensor.dtype()
              + " ["
              + tensor.rows()
              + ", "
              + tensor.columns()
              + "]: expected F32 ["
              + rows
              + ", "
              + columns
              + "]");
    }
  }

  /** Address of element (0, 0). */
  static long address(Tensor tensor) {
    return tensor.segment().address() + tensor.rowByteOffset(0);
  }

  /** Bytes between rows. */
  static long stride(Tensor tensor) {
    return tensor.layout().rowStride() * tensor.dtype().byteSize();
  }

  /** The values of a vector {@code [1, size]} of any dtype. */
  static float[] floats(String name, Tensor vector, int size) {
    if (vector.rows() != 1 || vector.columns() != size) {
      throw new IllegalArgumentException(
          name
              + " is ["
              + vector.rows()
              + ", "
              + vector.columns()
              + "]: expected [1, "
              + size
              + "]");
    }
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = element(vector, 0, i);
    }
    return values;
  }

  /** One element of any dtype. */
  static float element(Tensor tensor, int row, int column) {
    MemorySegment segment = tensor.segment();
    long offset = tensor.rowByteOffset(row) + (long) column * tensor.dtype().byteSize();
    return switch (tensor.dtype()) {
      case F32 -> segment.get(Simd.FLOAT, offset);
      case BF16 -> BFloat16.toFloat(segment.get(Simd.SHORT, offset));
      case F16 -> Float.float16ToFloat(segment.get(Simd.SHORT, offset));
    };
  }
}
