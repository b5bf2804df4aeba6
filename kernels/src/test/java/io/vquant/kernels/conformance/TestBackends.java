package io.vquant.kernels.conformance;

import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.cuda.CudaTestDevice;
import io.vquant.kernels.reference.ReferenceBackend;
import java.util.List;

/** The backends under test: one line each. */
final class TestBackends {

  static final List<TestBackend> ALL =
      List.of(
          new TestBackend("reference", options -> new ReferenceBackend(), ErrorBound.DOUBLE, true),
          new TestBackend("cpu", CpuBackend::new, ErrorBound.SINGLE, true),
          new TestBackend("cuda", options -> CudaTestDevice.open(), ErrorBound.SINGLE, false));

  private TestBackends() {}

  /** For {@code @MethodSource}: all, or those that {@code vquant.test.backends} names. */
  static List<TestBackend> all() {
    String names = System.getProperty("vquant.test.backends");
    if (names == null) {
      return ALL;
    }
    List<String> chosen = List.of(names.split(",", -1));
    return ALL.stream().filter(backend -> chosen.contains(backend.name())).toList();
  }
}
