package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.OutOfDeviceMemoryException;
import io.vquant.kernels.cuda.blas.BlasLibrary;
import io.vquant.kernels.cuda.blas.BlasProducts;
import io.vquant.kernels.cuda.driver.CudaContext;
import io.vquant.kernels.cuda.driver.CudaDevice;
import io.vquant.kernels.cuda.driver.CudaException;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.CudaModule;
import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.quant.Float16;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the operators of one backend share: context, stream, kernels, memory, and the position that
 * a pass starts from, which kernels read from the device so that a recorded pass can be replayed.
 */
final class CudaRuntime implements AutoCloseable {
  /** Largest magnitude that a layer that packs takes (LineKvLayer). */
  static final float MAX_MAGNITUDE = Float16.MAX_VALUE / 2;

  private static final int UNKNOWN = -1;

  private final CudaDevice properties;
  private final Device device;
  private final CudaContext context;
  private final CudaStream stream;
  private final KernelImages images;
  private final Map<String, CudaModule> modules = new HashMap<>();
  private final List<DeviceMemory> memory = new ArrayList<>();
  private final List<MemorySegment> pinned = new ArrayList<>();
  private final long positionAddress;
  private final SequenceRows sequenceRows;
  private final UnstorableSlots unstorableSlots = new UnstorableSlots(this);
  private @Nullable CudaKvCache appending;
  private final List<Runnable> forgetters = new ArrayList<>();
  private int generation;
  private final RowProducts rowProducts = new RowProducts(this);
  private final RowAppends rowAppends = new RowAppends(this);
  private final UnpackedWeights unpackedWeights = new UnpackedWeights(this);
  private @Nullable Narrowed narrowed;
  private @Nullable BlasProducts blas;
  private boolean soughtBlas;
  private int position = UNKNOWN;
  private @Nullable DeviceMemory scratch;

  CudaRuntime(CudaDevice properties, KernelImages images) {
    this.properties = properties;
    this.images = images;
    device = new Device(Device.Kind.CUDA, properties.ordinal());
    context = new CudaContext(properties);
    stream = new CudaStream(context);
    positionAddress = allocate(Integer.BYTES).address();
    sequenceRows = new SequenceRows(this);
  }

  Device device() {
    return device;
  }

  CudaDevice properties() {
    return properties;
  }

  /**
   * The stream of all work, with everything asked for before in it; makes the context current on
   * the calling thread.
   */
  CudaStream stream() {
    rowProducts.launch();
    rowAppends.launch();
    narrowed = null;
    return currentStream();
  }

  /** The stream without what waits in {@link #rowProducts}. */
  CudaStream currentStream() {
    context.makeCurrent();
    return stream;
  }

  RowProducts rowProducts() {
    return rowProducts;
  }

  /** NVIDIA's products, where this machine has the library; looked for when first asked. */
  @Nullable BlasProducts blas() {
    if (!soughtBlas) {
      soughtBlas = true;
      context.makeCurrent();
      blas = BlasLibrary.load().map(BlasProducts::new).orElse(null);
    }
    return blas;
  }

  UnpackedWeights unpackedWeights() {
    return unpackedWeights;
  }

  /**
   * Whether scratch memory holds the 16-bit operands of these rows, with nothing but products
   * enqueued since they were made; if not, it is taken to hold them from now on.
   */
  boolean isNarrowed(long operand, Tensor rows, DType dtype) {
    Narrowed wanted =
        new Narrowed(
            operand, Operands.address(rows), rows.rows(), rows.layout().rowStride(), dtype);
    boolean same = wanted.equals(narrowed);
    narrowed = wanted;
    return same;
  }

  private record Narrowed(long operand, long input, int rows, long stride, DType dtype) {}

  CudaFunction function(Kernel kernel) {
    return module(kernel).function(kernel.entry());
  }

  CudaFunction function(Kernel kernel, DType dtype) {
    return module(kernel).function(kernel.entry(dtype));
  }

  CudaFunction function(Kernel kernel, int headDim) {
    return module(kernel).function(kernel.entry(headDim));
  }

  CudaFunction function(Kernel kernel, KvFormat format, int headDim) {
    return module(kernel).function(kernel.entry(format, headDim));
  }

  CudaFunction function(Kernel kernel, QuantScheme scheme) {
    return module(kernel).function(kernel.entry(scheme));
  }

  private CudaModule module(Kernel kernel) {
    context.makeCurrent();
    return modules.computeIfAbsent(
        kernel.module(),
        name -> inMemory("kernels of " + name, () -> new CudaModule(name, images.fatbin(name))));
  }

  /**
   * Asks the driver for what takes device memory by itself.
   *
   * @throws OutOfDeviceMemoryException if there is none
   */
  <T> T inMemory(String asked, Supplier<T> call) {
    try {
      return call.get();
    } catch (CudaException e) {
      if (e.isOutOfMemory()) {
        throw new OutOfDeviceMemoryException(device, asked, context.freeByteSize());
      }
      throw e;
    }
  }

  /** Undefined memory, freed with the backend or by its closing. */
  DeviceMemory allocate(long byteSize) {
    context.makeCurrent();
    DeviceMemory allocated = inMemory(byteSize + " bytes", () -> context.allocate(byteSize));
    memory.add(allocated);
    return allocated;
  }

  /** Counts the times that memory was freed: what was recorded before may name it. */
  int generation() {
    return generation;
  }

  /** Adds what a recording must begin and a replay must end with: forgetting what is computed. */
  void onReplay(Runnable forget) {
    forgetters.add(forget);
  }

  /** Makes operators compute what they would otherwise keep from the pass before. */
  void forgetPass() {
    forgetters.forEach(Runnable::run);
  }

  /** Frees memory before the backend closes, when the device is done with it. */
  void free(DeviceMemory allocated) {
    context.makeCurrent();
    generation++;
    memory.remove(allocated);
    allocated.close();
  }

  long freeByteSize() {
    context.makeCurrent();
    return context.freeByteSize();
  }

  /** Pinned host memory, freed with the backend. */
  MemorySegment allocatePinned(long byteSize) {
    context.makeCurrent();
    MemorySegment segment = context.allocatePinned(byteSize);
    pinned.add(segment);
    return segment;
  }

  UnstorableSlots unstorableSlots() {
    return unstorableSlots;
  }

  /** Tells which cache the work to come belongs to. */
  void appendsTo(CudaKvCache cache) {
    appending = cache;
  }

  /** Tells that a cache is closed. */
  void appendsNoMore(CudaKvCache cache) {
    if (appending == cache) {
      appending = null;
    }
  }

  /**
   * Waits for all work. Caches that were given a value that they cannot hold know it then.
   *
   * @throws io.vquant.kernels.kvcache.UnstorableValueException if the one that began the last pass
   *     is among them
   */
  void synchronize() {
    stream().synchronize();
    unstorableSlots.spoilCaches();
    if (appending != null) {
      CudaKvCache cache = appending;
      if (cache.isSpoiled()) {
        appending = null;
        cache.requireStorable();
      }
    }
  }

  /** Memory that one operator uses while it runs; contents are lost when another asks for more. */
  long scratch(long byteSize) {
    if (scratch == null || scratch.byteSize() < byteSize) {
      if (scratch != null) {
        free(scratch);
      }
      scratch = allocate(byteSize);
    }
    return scratch.address();
  }

  SequenceRows sequenceRows() {
    return sequenceRows;
  }

  RowAppends rowAppends() {
    return rowAppends;
  }

  /** Address of the word that holds {@code startPosition} when the work enqueued next runs. */
  long positionAddress(int startPosition) {
    int row = sequenceRows.find(startPosition, 0);
    if (row >= 0) {
      return sequenceRows.address(row);
    }
    if (position != startPosition) {
      stream().fill(positionAddress, startPosition, 1);
      position = startPosition;
    }
    return positionAddress;
  }

  @Override
  public void close() {
    context.makeCurrent();
    stream.synchronize();
    if (blas != null) {
      blas.close();
    }
    modules.values().forEach(CudaModule::close);
    memory.forEach(DeviceMemory::close);
    pinned.forEach(context::freePinned);
    stream.close();
    context.close();
  }
}
