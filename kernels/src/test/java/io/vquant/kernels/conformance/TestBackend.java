package io.vquant.kernels.conformance;

import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import java.util.function.Function;

/**
 * A backend under test.
 *
 * @param arithmetic the precision that its sums are computed in, which sets the tolerances
 * @param rowsIndependent whether a row has the same bits beside any number of others
 */
record TestBackend(
    String name,
    Function<BackendOptions, KernelBackend> factory,
    ErrorBound arithmetic,
    boolean rowsIndependent) {

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
