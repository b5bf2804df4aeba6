package io.vquant.kernels.cuda.driver;

import io.vquant.kernels.backend.DeviceFailureException;
import jcuda.driver.CUresult;

/** A call of the CUDA driver that failed: {@code cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2)}. */
public final class CudaException extends DeviceFailureException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final int code;

  CudaException(String call, int code, String detail) {
    super(
        call
            + ": "
            + CUresult.stringFor(code)
            + " ("
            + code
            + ")"
            + (detail.isEmpty() ? "" : ", " + detail));
    this.call = call;
    this.code = code;
  }

  /** The function of the driver. */
  public String call() {
    return call;
  }

  /** The driver's {@code CUresult}. */
  public int code() {
    return code;
  }

  /** Whether memory was lacking, which leaves the context usable. */
  public boolean isOutOfMemory() {
    return code == CUresult.CUDA_ERROR_OUT_OF_MEMORY;
  }

  static void check(String call, int result) {
    check(call, result, "");
  }

  /**
   * @param detail what the call was about, named in the message; may be empty
   */
  static void check(String call, int result, String detail) {
    if (result != CUresult.CUDA_SUCCESS) {
      throw new CudaException(call, result, detail);
    }
  }
}
