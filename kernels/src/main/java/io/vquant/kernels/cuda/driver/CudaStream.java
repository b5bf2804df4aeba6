package io.vquant.kernels.cuda.driver;

import static io.vquant.kernels.cuda.driver.CudaException.check;

import java.lang.foreign.MemorySegment;
import jcuda.driver.CUDA_MEMCPY2D;
import jcuda.driver.CUgraph;
import jcuda.driver.CUmemorytype;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A queue of work that runs in order. Its context must be current on the calling thread. */
public final class CudaStream implements AutoCloseable {
  private final Addresses.Stream handle = new Addresses.Stream();
  private final CudaContext context;

  public CudaStream(CudaContext context) {
    this.context = context;
    check(
        "cuStreamCreate",
        JCudaDriver.cuStreamCreate(handle, CUstream_flags.CU_STREAM_NON_BLOCKING));
  }

  Addresses.Stream handle() {
    return handle;
  }

  /** The CUstream, for libraries that enqueue on it. */
  public long address() {
    return handle.handle();
  }

  KernelLauncher launcher() {
    return context.launcher();
  }

  /** Waits for all work; a kernel's failure shows up here at the latest. */
  public void synchronize() {
    check("cuStreamSynchronize", JCudaDriver.cuStreamSynchronize(handle));
  }

  /** Enqueues a copy. Pageable memory has been read when this returns, pinned memory may not. */
  public void copyToDevice(long device, MemorySegment host) {
    check(
        "cuMemcpyHtoDAsync",
        JCudaDriver.cuMemcpyHtoDAsync(
            new Addresses.Device(device), Addresses.Host.of(host), host.byteSize(), handle));
  }

  /** Enqueues a copy; synchronize before reading {@code host}. */
  public void copyToHost(MemorySegment host, long device) {
    check(
        "cuMemcpyDtoHAsync",
        JCudaDriver.cuMemcpyDtoHAsync(
            Addresses.Host.of(host), new Addresses.Device(device), host.byteSize(), handle));
  }

  /** Enqueues a copy between blocks of device memory. */
  public void copyOnDevice(long to, long from, long byteSize) {
    check(
        "cuMemcpyDtoDAsync",
        JCudaDriver.cuMemcpyDtoDAsync(
            new Addresses.Device(to), new Addresses.Device(from), byteSize, handle));
  }

  /** Where rows of equal length lie. */
  public record Rows(boolean onDevice, long address, long pitch) {}

  /** Copies {@code count} rows of {@code rowByteSize} bytes; any pitch. */
  public void copyRows(Rows to, Rows from, long rowByteSize, long count) {
    CUDA_MEMCPY2D copy = new CUDA_MEMCPY2D();
    copy.WidthInBytes = rowByteSize;
    copy.Height = count;
    copy.srcPitch = from.pitch();
    copy.dstPitch = to.pitch();
    copy.srcMemoryType = memoryType(from);
    copy.dstMemoryType = memoryType(to);
    if (from.onDevice()) {
      copy.srcDevice = new Addresses.Device(from.address());
    } else {
      copy.srcHost = new Addresses.Host(from.address());
    }
    if (to.onDevice()) {
      copy.dstDevice = new Addresses.Device(to.address());
    } else {
      copy.dstHost = new Addresses.Host(to.address());
    }
    check("cuMemcpy2DAsync", JCudaDriver.cuMemcpy2DAsync(copy, handle));
  }

  private static int memoryType(Rows rows) {
    return rows.onDevice() ? CUmemorytype.CU_MEMORYTYPE_DEVICE : CUmemorytype.CU_MEMORYTYPE_HOST;
  }

  /** Enqueues filling with one 32-bit word. */
  public void fill(long device, int word, long count) {
    check(
        "cuMemsetD32Async",
        JCudaDriver.cuMemsetD32Async(new Addresses.Device(device), word, count, handle));
  }

  /** Enqueues filling with zeros. */
  public void zero(long device, long byteSize) {
    check(
        "cuMemsetD8Async",
        JCudaDriver.cuMemsetD8Async(new Addresses.Device(device), (byte) 0, byteSize, handle));
  }

  /** Records what {@code work} enqueues, instead of running it. */
  public CudaGraph record(Runnable work) {
    check(
        "cuStreamBeginCapture",
        JCudaDriver.cuStreamBeginCapture(
            handle, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CUgraph graph = new CUgraph();
    boolean recorded = false;
    try {
      work.run();
      recorded = true;
    } finally {
      int ended = JCudaDriver.cuStreamEndCapture(handle, graph);
      if (recorded) {
        check("cuStreamEndCapture", ended);
      }
    }
    return new CudaGraph(graph);
  }

  @Override
  public void close() {
    check("cuStreamDestroy", JCudaDriver.cuStreamDestroy(handle));
  }
}
