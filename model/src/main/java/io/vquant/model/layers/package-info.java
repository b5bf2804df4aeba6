/**
 * The layers of a decoder, one class each, named as Hugging Face names them. A layer is made of
 * operators of one backend and holds no activations: those are in {@link
 * io.vquant.model.layers.Scratch}, shared by all layers.
 *
 * <p>For {@code architectures}. The invariant: a layer's result for a row does not depend on which
 * rows were computed beside it.
 */
@NullMarked
package io.vquant.model.layers;

import org.jspecify.annotations.NullMarked;
