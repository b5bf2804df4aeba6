package io.vquant.kernels.conformance;

import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.cuda.CudaTestDevice;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import java.util.List;
import java.util.Map;

/** The backends under test: one line each. */
final class TestBackends {

  private static final Map<DType, ErrorBound> TENSOR_CORES =
      Map.of(
          DType.F32,
          ErrorBound.SINGLE,
          DType.BF16,
          ErrorBound.BF16_OPERANDS,
          DType.F16,
          ErrorBound.F16_OPERANDS);

  static final List<TestBackend> ALL =
      List.of(
          new TestBackend(
              "reference",
              options -> new ReferenceBackend(),
              all(ErrorBound.DOUBLE),
              ErrorBound.DOUBLE,
              true),
          new TestBackend("cpu", CpuBackend::new, all(ErrorBound.SINGLE), ErrorBound.SINGLE, true),
          new TestBackend(
              "cuda",
              options -> CudaTestDevice.open(),
              TENSOR_CORES,
              ErrorBound.TWO_BF16_OPERANDS,
              false));

  private TestBackends() {}

  private static Map<DType, ErrorBound> all(ErrorBound arithmetic) {
    return Map.of(DType.F32, arithmetic, DType.BF16, arithmetic, DType.F16, arithmetic);
  }

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
