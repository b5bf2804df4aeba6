/**
 * From logits to the next token: processors that change or remove candidates, and the choice of
 * one.
 *
 * <p>Used by {@code engine.runtime}; a program may add its own {@link
 * io.vquant.engine.sampling.LogitsProcessor}. Arithmetic is plain Java {@code float} and {@code
 * double}, without platform intrinsics, and the generator is written out: the same logits and seed
 * give the same token on any machine. Nothing of the vocabulary's size is allocated per token.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.engine.sampling;
