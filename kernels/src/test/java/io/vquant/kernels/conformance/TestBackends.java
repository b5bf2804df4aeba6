package io.vquant.kernels.conformance;

import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.reference.ReferenceBackend;
import java.util.List;

/** The backends under test: one line each. */
final class TestBackends {

  static final List<TestBackend> ALL =
      List.of(
          new TestBackend("reference", options -> new ReferenceBackend(), ErrorBound.DOUBLE),
          new TestBackend("cpu", CpuBackend::new, ErrorBound.SINGLE));

  private TestBackends() {}

  /** For {@code @MethodSource}. */
  static List<TestBackend> all() {
    return ALL;
  }
}
