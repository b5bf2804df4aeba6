/**
 * What bytes a checkpoint holds: a model folder is mapped into memory and every tensor in it
 * becomes a named, typed, read-only view of the mapping. Nothing is copied, converted or computed
 * here.
 *
 * <p>Open to every module that loads or inspects weights. The invariant: a {@link
 * io.vquant.weights.StoredTensor} that came out of a {@link io.vquant.weights.Checkpoint} has
 * exactly the bytes that its type and shape ask for, all of them inside its file; anything else
 * ended as a {@link io.vquant.weights.MalformedCheckpointException} while the checkpoint was
 * opened. Views live until their checkpoint is closed.
 */
@NullMarked
package io.vquant.weights;

import org.jspecify.annotations.NullMarked;
