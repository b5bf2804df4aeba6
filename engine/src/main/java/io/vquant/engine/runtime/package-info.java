/**
 * What happens between a request and its result: running the model over a sequence, finding eos and
 * stop strings, measuring free memory.
 *
 * <p>Internal to the engine: programs use {@code io.vquant.engine}. A sequence's tokens and its KV
 * cache only change through {@link io.vquant.engine.runtime.ModelRunner}, so the cache always holds
 * a prefix of the tokens.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.engine.runtime;
