package io.vquant.kernels.cuda;

import static org.junit.jupiter.api.Assumptions.abort;

import io.vquant.kernels.backend.UnsupportedKernelException;
import java.util.List;

/**
 * The GPU under test. A test that needs it is skipped without one, or fails where one is required.
 */
public final class CudaTestDevice {
  private CudaTestDevice() {}

  /**
   * Opens {@code cuda:0}; skips the test if it cannot be, unless {@code vquant.test.require=cuda}.
   */
  public static CudaBackend open() {
    try {
      return new CudaBackend(0);
    } catch (UnsupportedKernelException e) {
      String required = System.getProperty("vquant.test.require", "");
      if (List.of(required.split(",", -1)).contains("cuda")) {
        throw e;
      }
      return abort(e.getMessage());
    }
  }
}
