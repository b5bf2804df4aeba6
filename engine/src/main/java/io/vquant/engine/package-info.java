/**
 * The library: open a model folder as an {@link io.vquant.engine.Engine}, take a {@link
 * io.vquant.engine.GenerationSession} from it, generate text.
 *
 * <p>For programs that embed the engine, and for {@code engine.cli}, which has no other way in.
 * Nothing here prints, reads system properties or the environment, or changes state of the process:
 * what a caller may want to show is returned or told to a listener.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.engine;
