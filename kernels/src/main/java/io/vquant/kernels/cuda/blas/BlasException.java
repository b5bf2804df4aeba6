package io.vquant.kernels.cuda.blas;

import io.vquant.kernels.backend.DeviceFailureException;

/** A call of cuBLASLt that failed: {@code cublasLtMatmul: status 13}. */
public final class BlasException extends DeviceFailureException {
  private static final long serialVersionUID = 1L;

  BlasException(String call, int status) {
    super(call + ": status " + status + " of cublasStatus_t");
  }

  static void check(String call, int status) {
    if (status != 0) {
      throw new BlasException(call, status);
    }
  }
}
