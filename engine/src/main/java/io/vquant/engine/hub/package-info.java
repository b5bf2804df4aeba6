/**
 * Fetching models from a Hugging Face hub.
 *
 * <p>{@link io.vquant.engine.hub.ModelPull} is the entry, for the {@code pull} command and for
 * programs; nothing else in the engine opens a connection. It prints nothing and reads nothing of
 * the process: address, token and folder are handed in.
 *
 * <p>Invariants: a model's folder appears under its name when every file in it is complete and has
 * the size and sum that the hub states; what is fetched is one commit; the token goes to the hub
 * alone, never where it redirects to; no name that the hub sends leads out of the folder.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.engine.hub;
