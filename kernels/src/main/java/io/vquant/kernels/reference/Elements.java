package io.vquant.kernels.reference;

import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Elements and shapes of tensors, at any address: mapped weights may start at odd ones. */
final class Elements {

  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort BITS16 = ValueLayout.JAVA_SHORT_UNALIGNED;

  private Elements() {}

  /** Element (row, column), widened exactly to float32. */
  static float get(Tensor tensor, int row, int column) {
    MemorySegment segment = tensor.segment();
    long offset = tensor.rowByteOffset(row) + (long) column * tensor.dtype().byteSize();
    return switch (tensor.dtype()) {
      case F32 -> segment.get(F32, offset);
      case BF16 -> BFloat16.toFloat(segment.get(BITS16, offset));
      case F16 -> Float.float16ToFloat(segment.get(BITS16, offset));
    };
  }

  static void set(Tensor f32, int row, int column, float value) {
    f32.segment().set(F32, f32.rowByteOffset(row) + column * 4L, value);
  }

  /** Refuses a tensor that is not {@code [rows, columns]} F32. */
  static void requireF32(String name, Tensor tensor, int rows, int columns) {
    if (tensor.dtype() != DType.F32) {
      throw new IllegalArgumentException(name + " is " + tensor.dtype() + ": expected F32");
    }
    requireShape(name, tensor, rows, columns);
  }

  /** Refuses a tensor that is not {@code [rows, columns]}. */
  static void requireShape(String name, Tensor tensor, int rows, int columns) {
    if (tensor.rows() != rows || tensor.columns() != columns) {
      throw new IllegalArgumentException(
          "%s is [%d, %d]: expected [%d, %d]"
              .formatted(name, tensor.rows(), tensor.columns(), rows, columns));
    }
  }
}
