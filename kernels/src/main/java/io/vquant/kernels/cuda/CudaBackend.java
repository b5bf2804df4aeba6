package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.ArgmaxOperator;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.cuda.driver.CudaDevice;
import io.vquant.kernels.cuda.driver.CudaException;
import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.PlainEncoding;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Operators on one NVIDIA GPU. They return when their work is enqueued; {@link #copy} to host
 * memory waits for it, and is where a kernel's failure shows at the latest.
 */
public final class CudaBackend implements KernelBackend {
  private final CudaRuntime runtime;
  private final CudaElementwise elementwise;
  private final CodeMatrices codeMatrices;

  /**
   * Opens a device.
   *
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if this build or this machine
   *     cannot run on it; the message says what is missing
   */
  public CudaBackend(int ordinal) {
    runtime = open(ordinal);
    elementwise = new CudaElementwise(runtime);
    codeMatrices = new CodeMatrices(runtime);
  }

  private static CudaRuntime open(int ordinal) {
    CudaDevice device = CudaAvailability.require(ordinal);
    try {
      return new CudaRuntime(device, CudaAvailability.images());
    } catch (CudaException e) {
      throw new UnsupportedKernelException(
          "cuda:%d cannot be opened: %s; use --device cpu".formatted(ordinal, e.getMessage()));
    }
  }

  CudaRuntime runtime() {
    return runtime;
  }

  @Override
  public Device device() {
    return runtime.device();
  }

  @Override
  public int threads() {
    return 1;
  }

  @Override
  public Storage allocate(long byteSize) {
    long address = runtime.allocate(byteSize).address();
    runtime.stream().zero(address, byteSize);
    return new CudaStorage(device(), address, byteSize);
  }

  @Override
  public OptionalLong freeByteSize() {
    return OptionalLong.of(runtime.freeByteSize());
  }

  /** Host memory that copies to and from the device are fastest with. */
  @Override
  public Tensor hostMatrix(int rows, int columns) {
    long byteSize = (long) rows * columns * DType.F32.byteSize();
    HostStorage storage = new HostStorage(Device.CPU, runtime.allocatePinned(byteSize));
    return new Tensor(storage, DType.F32, Layout.dense(rows, columns));
  }

  @Override
  public void copy(Tensor dst, Tensor src) {
    if (dst.dtype() != src.dtype() || dst.rows() != src.rows() || dst.columns() != src.columns()) {
      throw new IllegalArgumentException(
          "copy " + src.dtype() + " " + src.layout() + " to " + dst.dtype() + " " + dst.layout());
    }
    CudaStream stream = runtime.stream();
    long rowByteSize = (long) src.columns() * src.dtype().byteSize();
    if (src.rows() == 0 || rowByteSize == 0) {
      return;
    }
    if (src.layout().isContiguous() && dst.layout().isContiguous()) {
      copyBlock(stream, dst, src, src.rows() * rowByteSize);
    } else {
      stream.copyRows(rows(dst), rows(src), rowByteSize, src.rows());
    }
    if (!(dst.storage() instanceof CudaStorage) || !(src.storage() instanceof CudaStorage)) {
      runtime.synchronize();
    }
  }

  private static void copyBlock(CudaStream stream, Tensor dst, Tensor src, long byteSize) {
    boolean fromDevice = src.storage() instanceof CudaStorage;
    if (!(dst.storage() instanceof CudaStorage)) {
      MemorySegment host = dst.segment().asSlice(dst.rowByteOffset(0), byteSize);
      if (fromDevice) {
        stream.copyToHost(host, Operands.address(src));
      } else {
        host.copyFrom(src.segment().asSlice(src.rowByteOffset(0), byteSize));
      }
    } else if (fromDevice) {
      stream.copyOnDevice(Operands.address(dst), Operands.address(src), byteSize);
    } else {
      MemorySegment host = src.segment().asSlice(src.rowByteOffset(0), byteSize);
      stream.copyToDevice(Operands.address(dst), host);
    }
  }

  private static CudaStream.Rows rows(Tensor tensor) {
    long pitch = tensor.layout().rowStride() * tensor.dtype().byteSize();
    boolean onDevice = tensor.storage() instanceof CudaStorage;
    long address =
        onDevice ? Operands.address(tensor) : tensor.segment().address() + tensor.rowByteOffset(0);
    return new CudaStream.Rows(onDevice, address, pitch);
  }

  @Override
  public EmbeddingOperator embedding(Tensor table) {
    return new CudaEmbedding(runtime, resident(table));
  }

  @Override
  public LinearOperator linear(Tensor weight, @Nullable Tensor bias) {
    requireBias(bias, weight.rows());
    return new CudaLinear(runtime, resident(weight), bias == null ? null : widened(bias));
  }

  @Override
  public LinearOperator linear(QuantizedWeight weight, @Nullable Tensor bias) {
    requireBias(bias, weight.rows());
    return new CudaCodeLinear(
        runtime, codeMatrices.matrix(weight), bias == null ? null : widened(bias));
  }

  @Override
  public EmbeddingOperator embedding(QuantizedWeight table) {
    return new CudaCodeEmbedding(runtime, codeMatrices.matrix(table));
  }

  /** Codes are found on the host's cores, and copied to the device. */
  @Override
  public QuantizedWeight quantize(Tensor weight, QuantScheme scheme, QuantizeListener listener) {
    int threads = Runtime.getRuntime().availableProcessors();
    try (CpuBackend host = new CpuBackend(new BackendOptions(threads))) {
      return resident(host.quantize(weight, scheme, listener));
    }
  }

  @Override
  public QuantizedWeight resident(QuantizedWeight weight) {
    return codeMatrices.resident(weight);
  }

  private static void requireBias(@Nullable Tensor bias, int outFeatures) {
    if (bias != null && (bias.rows() != 1 || bias.columns() != outFeatures)) {
      throw new IllegalArgumentException(
          "linear bias is [%d, %d]: expected [1, %d]"
              .formatted(bias.rows(), bias.columns(), outFeatures));
    }
  }

  @Override
  public RmsNormOperator rmsNorm(Tensor weight, float epsilon) {
    if (weight.rows() != 1) {
      throw new IllegalArgumentException(
          "rmsNorm weight is [%d, %d]: expected [1, size]"
              .formatted(weight.rows(), weight.columns()));
    }
    return new CudaRmsNorm(runtime, widened(weight), epsilon);
  }

  @Override
  public RotaryOperator rotary(RotarySpec spec) {
    CudaRotary rotary = new CudaRotary(runtime, spec);
    runtime.onReplay(rotary::reset);
    return rotary;
  }

  @Override
  public GatedActivationOperator gatedActivation() {
    return elementwise::gate;
  }

  @Override
  public ResidualAddOperator residualAdd() {
    return elementwise::add;
  }

  @Override
  public ArgmaxOperator argmax() {
    return new CudaArgmax(runtime);
  }

  @Override
  public AttentionOperator attention(AttentionSpec spec, KvFormat format) {
    return format.keys() instanceof PlainEncoding plain
        ? new CudaAttention(runtime, spec, plain.dtype())
        : new PackedAttention(runtime, spec, format);
  }

  @Override
  public KvCache kvCache(KvCacheSpec spec) {
    return new CudaKvCache(runtime, spec);
  }

  @Override
  public void decodeStep(KvCache cache, Tensor hidden, int position, Runnable work) {
    if (!(cache instanceof CudaKvCache own)) {
      throw new IllegalArgumentException("decodeStep: expected a cache of " + device());
    }
    own.replay(hidden, position, work);
  }

  /** Waits, so that what a cache cannot hold shows before the step is part of any. */
  @Override
  public void decodeRows(List<KvCache> caches, int[] positions, Runnable work) {
    runtime.sequenceRows().during(positions, work);
    runtime.synchronize();
    for (KvCache cache : caches) {
      ((CudaKvCache) cache).requireStorable();
    }
  }

  @Override
  public void awaitWork() {
    runtime.synchronize();
  }

  /** The parameter itself when it is dense on the device, else a copy there. */
  private Tensor resident(Tensor parameter) {
    if (parameter.storage() instanceof CudaStorage && parameter.layout().isContiguous()) {
      return parameter;
    }
    long byteSize = (long) parameter.rows() * parameter.columns() * parameter.dtype().byteSize();
    Storage storage = new CudaStorage(device(), runtime.allocate(byteSize).address(), byteSize);
    Tensor copy =
        new Tensor(storage, parameter.dtype(), Layout.dense(parameter.rows(), parameter.columns()));
    copy(copy, parameter);
    return copy;
  }

  /** A vector {@code [1, size]} as F32 on the device: short parameters are not worth 16 bits. */
  private Tensor widened(Tensor vector) {
    int size = vector.columns();
    long byteSize = (long) size * vector.dtype().byteSize();
    try (Arena arena = Arena.ofConfined()) {
      HostStorage stored = new HostStorage(Device.CPU, arena.allocate(byteSize, 4));
      Tensor host = new Tensor(stored, vector.dtype(), Layout.dense(1, size));
      copy(host, vector);
      HostStorage wide =
          new HostStorage(Device.CPU, arena.allocate((long) size * Float.BYTES, Float.BYTES));
      for (int i = 0; i < size; i++) {
        wide.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, element(host, i));
      }
      return resident(new Tensor(wide, DType.F32, Layout.dense(1, size)));
    }
  }

  private static float element(Tensor vector, int index) {
    return switch (vector.dtype()) {
      case F32 -> vector.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
      case BF16 -> BFloat16.toFloat(vector.segment().getAtIndex(ValueLayout.JAVA_SHORT, index));
      case F16 -> Float.float16ToFloat(vector.segment().getAtIndex(ValueLayout.JAVA_SHORT, index));
    };
  }

  @Override
  public void close() {
    runtime.close();
  }
}
