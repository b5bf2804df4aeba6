/**
 * The backend for NVIDIA GPUs: one launcher class for each file in {@code src/main/cuda}. Launchers
 * check shapes, kernels trust them.
 *
 * <p>Opened by {@link io.vquant.kernels.Backends} alone. The invariant: work of one backend runs in
 * one stream in order, so no operator waits for the device; only copies to host memory do.
 */
@NullMarked
package io.vquant.kernels.cuda;

import org.jspecify.annotations.NullMarked;
