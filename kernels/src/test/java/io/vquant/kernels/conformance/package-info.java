/**
 * Every operator of every backend against exact values, over odd sizes and extreme values.
 *
 * <p>Tolerances are derived from the arithmetic that a backend computes in ({@link
 * io.vquant.kernels.conformance.ErrorBound}), never measured. A new backend is one line in {@link
 * io.vquant.kernels.conformance.TestBackends}.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.conformance;
