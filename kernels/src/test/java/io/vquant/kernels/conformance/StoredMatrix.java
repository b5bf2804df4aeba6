package io.vquant.kernels.conformance;

import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A parameter as a checkpoint holds it: read-only host memory, at an odd address if asked. */
final class StoredMatrix {

  private final Tensor tensor;

  private StoredMatrix(Tensor tensor) {
    this.tensor = tensor;
  }

  Tensor tensor() {
    return tensor;
  }

  static StoredMatrix of(DType dtype, int rows, int columns, float[] values, boolean oddAddress) {
    long byteSize = (long) values.length * dtype.byteSize();
    MemorySegment aligned = Arena.ofAuto().allocate(byteSize + 1, 64);
    MemorySegment segment = aligned.asSlice(oddAddress ? 1 : 0, byteSize);
    for (int i = 0; i < values.length; i++) {
      switch (dtype) {
        case F32 -> segment.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4L, values[i]);
        case BF16 ->
            segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, i * 2L, BFloat16.fromFloat(values[i]));
        case F16 ->
            segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, i * 2L, Float.floatToFloat16(values[i]));
      }
    }
    HostStorage storage = new HostStorage(Device.CPU, segment.asReadOnly());
    return new StoredMatrix(new Tensor(storage, dtype, Layout.dense(rows, columns)));
  }

  /** Aligned F32. */
  static StoredMatrix of(int rows, int columns, float... values) {
    return of(DType.F32, rows, columns, values, false);
  }
}
