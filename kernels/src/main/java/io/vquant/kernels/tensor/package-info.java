/**
 * Typed views of memory: what an operator reads and writes.
 *
 * <p>Used by every other package of {@code kernels} and by {@code model}. A {@link
 * io.vquant.kernels.tensor.Tensor} is a view and does no arithmetic; host memory is always native,
 * so that vector code sees one access profile.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.tensor;
