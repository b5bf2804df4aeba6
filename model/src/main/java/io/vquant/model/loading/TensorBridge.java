package io.vquant.model.loading;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.weights.ElementType;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stored tensors as tensors of one backend. F32, BF16 and F16 are read in place on host devices and
 * copied to others; F64 is rounded to F32, and the 8-bit floats are widened to BF16, which holds
 * them exactly.
 */
final class TensorBridge {
  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort BF16 = ValueLayout.JAVA_SHORT_UNALIGNED;

  private final KernelBackend backend;
  private final LoadListener listener;
  private final long totalBytes;
  private final AtomicLong doneBytes = new AtomicLong();
  private final Map<ElementType, Integer> converted = new EnumMap<>(ElementType.class);

  /**
   * @param listener told of bytes copied to a device, or quantized
   * @param totalBytes of the stored tensors
   */
  TensorBridge(KernelBackend backend, LoadListener listener, long totalBytes) {
    this.backend = backend;
    this.listener = listener;
    this.totalBytes = totalBytes;
  }

  /**
   * A matrix of the backend with the elements of {@code stored}, which has as many.
   *
   * @throws MalformedCheckpointException if the element type is no floating-point type
   */
  Tensor tensor(StoredTensor stored, int rows, int columns) {
    DType dtype = dtype(stored);
    return isConverted(stored.type())
        ? converted(stored, dtype, rows, columns)
        : inPlace(stored, dtype, rows, columns);
  }

  /** The same in host memory, on any backend. */
  Tensor hostTensor(StoredTensor stored, int rows, int columns) {
    DType dtype = dtype(stored);
    boolean isHost = backend.device().isHost();
    if (!isConverted(stored.type())) {
      return mapped(isHost ? backend.device() : Device.CPU, stored, dtype, rows, columns);
    }
    if (isHost) {
      return converted(stored, dtype, rows, columns);
    }
    converted.merge(stored.type(), 1, Integer::sum);
    return convertedOnHost(Arena.ofAuto(), stored, dtype, rows, columns);
  }

  private static DType dtype(StoredTensor stored) {
    return switch (stored.type()) {
      case F32, F64 -> DType.F32;
      case BF16, F8_E4M3, F8_E5M2 -> DType.BF16;
      case F16 -> DType.F16;
      case BOOL, U8, I8, I16, U16, I32, U32, I64, U64 ->
          throw new MalformedCheckpointException(
              stored.file(),
              stored.name(),
              stored.fileOffset(),
              "a floating-point type (F64, F32, BF16, F16, F8_E4M3, F8_E5M2)",
              stored.type().code());
    };
  }

  /** Whether elements are computed with in another type than they are stored in. */
  private static boolean isConverted(ElementType type) {
    return type == ElementType.F64 || type == ElementType.F8_E4M3 || type == ElementType.F8_E5M2;
  }

  private static Tensor mapped(
      Device host, StoredTensor stored, DType dtype, int rows, int columns) {
    return new Tensor(new HostStorage(host, stored.data()), dtype, Layout.dense(rows, columns));
  }

  /** What was converted, one line a type. */
  List<String> notices() {
    return converted.entrySet().stream()
        .map(entry ->
            "%d tensors of %s were converted to %s in memory"
                .formatted(
                    entry.getValue(),
                    entry.getKey(),
                    entry.getKey() == ElementType.F64 ? DType.F32 : DType.BF16))
        .toList();
  }

  private Tensor inPlace(StoredTensor stored, DType dtype, int rows, int columns) {
    Device device = backend.device();
    Layout layout = Layout.dense(rows, columns);
    Device host = device.isHost() ? device : Device.CPU;
    Tensor mapped = new Tensor(new HostStorage(host, stored.data()), dtype, layout);
    return device.isHost() ? mapped : copyToDevice(mapped);
  }

  private Tensor converted(StoredTensor stored, DType dtype, int rows, int columns) {
    converted.merge(stored.type(), 1, Integer::sum);
    long byteSize = stored.elementCount() * dtype.byteSize();
    Layout layout = Layout.dense(rows, columns);
    if (backend.device().isHost()) {
      Tensor host = new Tensor(backend.allocate(byteSize), dtype, layout);
      convert(host.segment(), stored, dtype);
      return host;
    }
    try (Arena arena = Arena.ofConfined()) {
      return copyToDevice(convertedOnHost(arena, stored, dtype, rows, columns));
    }
  }

  private static Tensor convertedOnHost(
      Arena arena, StoredTensor stored, DType dtype, int rows, int columns) {
    long byteSize = stored.elementCount() * dtype.byteSize();
    MemorySegment segment = arena.allocate(byteSize, dtype.byteSize());
    convert(segment, stored, dtype);
    return new Tensor(new HostStorage(Device.CPU, segment), dtype, Layout.dense(rows, columns));
  }

  private static void convert(MemorySegment target, StoredTensor stored, DType dtype) {
    long count = stored.elementCount();
    for (long i = 0; i < count; i++) {
      float value = stored.floatAt(i);
      if (dtype == DType.F32) {
        target.set(F32, i * Float.BYTES, value);
      } else {
        target.set(BF16, i * Short.BYTES, BFloat16.fromFloat(value));
      }
    }
  }

  private Tensor copyToDevice(Tensor host) {
    long byteSize = host.layout().extent() * host.dtype().byteSize();
    Storage storage = backend.allocate(byteSize);
    Tensor onDevice = new Tensor(storage, host.dtype(), host.layout());
    backend.copy(onDevice, host);
    loaded(byteSize);
    return onDevice;
  }

  /** Tells that so many bytes more are done; by any thread. */
  void loaded(long byteSize) {
    listener.progress(Math.min(doneBytes.addAndGet(byteSize), totalBytes), totalBytes);
  }
}
