/**
 * How keys and values lie in memory. Kernels on every device agree on these layouts bit for bit;
 * who gets how much of it is the engine's business.
 *
 * <p>{@link io.vquant.kernels.kvcache.KvFormats} lists the formats; the scalar codec of each {@link
 * io.vquant.kernels.kvcache.KvEncoding} is its specification, which other codecs equal in every
 * bit.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.kvcache;
