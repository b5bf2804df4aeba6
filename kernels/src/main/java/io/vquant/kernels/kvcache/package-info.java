/**
 * How keys and values lie in memory. Kernels on every device agree on these layouts bit for bit;
 * who gets how much of it is the engine's business.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.kvcache;
