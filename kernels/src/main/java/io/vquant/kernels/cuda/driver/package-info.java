/**
 * NVIDIA's driver API as objects: device, context, stream, event, memory, module, function, graph.
 * Every failure is a {@link io.vquant.kernels.cuda.driver.CudaException} that names the call.
 *
 * <p>Only {@code kernels.cuda} may use it, and it is the only package that names {@code jcuda}.
 * What JCuda lacks is bound by FFM in {@link io.vquant.kernels.cuda.driver.KernelLauncher}. The
 * invariant: nothing here falls back, and no handle outlives the context it came from.
 */
@NullMarked
package io.vquant.kernels.cuda.driver;

import org.jspecify.annotations.NullMarked;
