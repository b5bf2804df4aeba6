package io.vquant.kernels.conformance;

import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.DType;
import java.util.Map;
import java.util.function.Function;

/**
 * A backend under test.
 *
 * @param arithmetic the precision that sums are computed in for each type of weight or cache, which
 *     sets the tolerances
 * @param packedArithmetic the precision of attention over layers that pack
 * @param rowsIndependent whether a row has the same bits beside any number of others
 */
record TestBackend(
    String name,
    Function<BackendOptions, KernelBackend> factory,
    Map<DType, ErrorBound> arithmetic,
    ErrorBound packedArithmetic,
    boolean rowsIndependent) {

  /** The arithmetic that a weight or a cache of this type is computed in. */
  ErrorBound arithmetic(DType operand) {
    return arithmetic.get(operand);
  }

  /** The arithmetic of operators without matrices. */
  ErrorBound elementwise() {
    return arithmetic(DType.F32);
  }

  KernelBackend open(int threads) {
    return factory.apply(new BackendOptions(threads));
  }

  /** Two threads, so that work is really divided. */
  KernelBackend open() {
    return open(2);
  }

  @Override
  public String toString() {
    return name;
  }
}
