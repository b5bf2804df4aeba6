/**
 * The families of models: what their config fields mean and what sets them apart. {@link
 * io.vquant.model.architectures.Architectures} lists them.
 *
 * <p>For {@code loading}. The invariant: a family's file shows all that differs from Llama; what
 * they share is in {@link io.vquant.model.architectures.ConfigReader} and {@link
 * io.vquant.model.architectures.DecoderOnlyLm}.
 */
@NullMarked
package io.vquant.model.architectures;

import org.jspecify.annotations.NullMarked;
