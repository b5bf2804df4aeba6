package io.vquant.kernels.cuda.driver;

import static io.vquant.kernels.cuda.driver.CudaException.check;

import jcuda.driver.CUfunction_attribute;
import jcuda.driver.JCudaDriver;

/** A kernel. Arguments and launch configuration lie in memory of its own: one launch at a time. */
public final class CudaFunction implements AutoCloseable {
  private final String name;
  private final Addresses.Function handle;
  private final KernelCall call;

  CudaFunction(String name, Addresses.Function handle) {
    this.name = name;
    this.handle = handle;
    this.call = new KernelCall(this);
  }

  String name() {
    return name;
  }

  long handle() {
    return handle.handle();
  }

  /** Begins a launch: its arguments come next, in the kernel's order. */
  public KernelCall call() {
    call.reset();
    return call;
  }

  /** Allows blocks to ask for this much shared memory: more than 48 KiB must be allowed first. */
  public void allowSharedMemory(int byteSize) {
    check(
        "cuFuncSetAttribute",
        JCudaDriver.cuFuncSetAttribute(
            handle, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, byteSize),
        name + ", shared memory of " + byteSize + " bytes");
  }

  /** Asks for this percentage of an SM's memory as shared memory, the rest being cache. */
  public void preferSharedMemory(int percent) {
    check(
        "cuFuncSetAttribute",
        JCudaDriver.cuFuncSetAttribute(
            handle,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT,
            percent),
        name + ", shared memory of " + percent + " %");
  }

  /** Blocks of this shape that an SM holds at once. */
  public int blocksPerMultiprocessor(int threads, int sharedByteSize) {
    int[] blocks = new int[1];
    check(
        "cuOccupancyMaxActiveBlocksPerMultiprocessor",
        JCudaDriver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
            blocks, handle, threads, sharedByteSize),
        name);
    return blocks[0];
  }

  @Override
  public void close() {
    call.close();
  }
}
