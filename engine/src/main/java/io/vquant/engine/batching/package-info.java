/**
 * Many sequences on one model: they join and leave a running batch, wait in a bounded queue, share
 * pages of common beginnings and give way when cache memory is short.
 *
 * <p>For {@code Engine} and {@code engine.server}. The invariant: on host devices what a request
 * gets does not depend on the others, to the bit: it is what a {@link
 * io.vquant.engine.GenerationSession} of its own would give.
 */
@NullMarked
package io.vquant.engine.batching;

import org.jspecify.annotations.NullMarked;
