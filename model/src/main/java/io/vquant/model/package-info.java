/**
 * Decoder-only language models as Hugging Face defines them: what a model is ({@link
 * io.vquant.model.ModelConfig}), what it computes ({@link io.vquant.model.CausalLm}) and what it
 * takes ({@link io.vquant.model.MemoryPlan}).
 *
 * <p>Open to {@code engine}; this package depends on no other package of the module. The invariant:
 * a {@code ModelConfig} holds only what was understood completely, since whatever changes a result
 * and is not understood was refused when it was read.
 */
@NullMarked
package io.vquant.model;

import org.jspecify.annotations.NullMarked;
