/**
 * Naive loops in double: the oracle that every other backend is held against. Kept boring for ever.
 *
 * <p>Every output is computed in double and rounded to float32 once; rotary embedding alone rounds
 * each step to float32, as the models' training code does. Used through {@link
 * io.vquant.kernels.backend.KernelBackend}; measurements alone use {@link Float64Attention} itself.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.reference;
