package io.vquant.kernels.cuda.driver;

import static io.vquant.kernels.cuda.driver.CudaException.check;

import java.lang.foreign.MemorySegment;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;

/**
 * The primary context of a device. The driver keeps a current context for each thread: {@link
 * #makeCurrent} comes before other calls on a thread.
 */
public final class CudaContext implements AutoCloseable {
  private final CUdevice device;
  private final CUcontext handle = new CUcontext();
  private final KernelLauncher launcher;

  /** Takes the primary context of the device, and makes it current. */
  public CudaContext(CudaDevice device) {
    this.device = CudaDriver.handle(device.ordinal());
    check(
        "cuDevicePrimaryCtxRetain",
        JCudaDriver.cuDevicePrimaryCtxRetain(handle, this.device),
        device.name());
    launcher = new KernelLauncher();
    makeCurrent();
  }

  /** Makes this context the calling thread's. */
  public void makeCurrent() {
    check("cuCtxSetCurrent", JCudaDriver.cuCtxSetCurrent(handle));
  }

  KernelLauncher launcher() {
    return launcher;
  }

  /** Device memory that is not taken. */
  public long freeByteSize() {
    long[] free = new long[1];
    long[] total = new long[1];
    check("cuMemGetInfo", JCudaDriver.cuMemGetInfo(free, total));
    return free[0];
  }

  /**
   * Device memory with undefined contents, aligned to 256 bytes.
   *
   * @throws CudaException out of memory, among others; the context stays usable then
   */
  public DeviceMemory allocate(long byteSize) {
    Addresses.Device pointer = new Addresses.Device(0);
    check(
        "cuMemAlloc", JCudaDriver.cuMemAlloc(pointer, Math.max(1, byteSize)), byteSize + " bytes");
    return new DeviceMemory(pointer.address(), byteSize);
  }

  /** Host memory that the device copies to and from directly, freed by {@link #freePinned}. */
  @SuppressWarnings("restricted")
  public MemorySegment allocatePinned(long byteSize) {
    Addresses.Host pointer = new Addresses.Host(0);
    check(
        "cuMemHostAlloc",
        JCudaDriver.cuMemHostAlloc(pointer, Math.max(1, byteSize), 0),
        byteSize + " bytes");
    return MemorySegment.ofAddress(pointer.address()).reinterpret(byteSize);
  }

  public void freePinned(MemorySegment segment) {
    check("cuMemFreeHost", JCudaDriver.cuMemFreeHost(new Addresses.Host(segment.address())));
  }

  @Override
  public void close() {
    check("cuDevicePrimaryCtxRelease", JCudaDriver.cuDevicePrimaryCtxRelease(device));
  }
}
