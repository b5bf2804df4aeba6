package io.vquant.kernels.cuda.driver;

import static io.vquant.kernels.cuda.driver.CudaException.check;

import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/** A point in a stream, with its time. */
public final class CudaEvent implements AutoCloseable {
  private final CUevent handle = new CUevent();

  public CudaEvent() {
    check("cuEventCreate", JCudaDriver.cuEventCreate(handle, CUevent_flags.CU_EVENT_DEFAULT));
  }

  public void record(CudaStream stream) {
    check("cuEventRecord", JCudaDriver.cuEventRecord(handle, stream.handle()));
  }

  public void synchronize() {
    check("cuEventSynchronize", JCudaDriver.cuEventSynchronize(handle));
  }

  /** Time between two recorded events that have passed, to about half a microsecond. */
  public float millisecondsSince(CudaEvent start) {
    float[] milliseconds = new float[1];
    check("cuEventElapsedTime", JCudaDriver.cuEventElapsedTime(milliseconds, start.handle, handle));
    return milliseconds[0];
  }

  @Override
  public void close() {
    check("cuEventDestroy", JCudaDriver.cuEventDestroy(handle));
  }
}
