/**
 * NVIDIA's matrix products (cuBLASLt), bound by FFM: the library is not part of a driver, so a
 * machine may have it, of any major version from 11 on, or not.
 *
 * <p>Only {@code kernels.cuda} may use it. The invariant: what the library does not offer for a
 * product is said before anything is enqueued.
 */
@NullMarked
package io.vquant.kernels.cuda.blas;

import org.jspecify.annotations.NullMarked;
