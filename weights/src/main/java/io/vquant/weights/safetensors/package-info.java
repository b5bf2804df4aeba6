/**
 * The safetensors format: one mapped file, the index that ties shards together, and a writer.
 *
 * <p>{@link io.vquant.weights.Checkpoint} is the way in for a whole model; tools and tests may read
 * and write single files here. The invariant: a file is accepted only if it keeps every rule of the
 * Rust reference implementation (huggingface/safetensors), and refusing one takes time and memory
 * bounded by the bytes of its header, never by the numbers that the header states.
 */
@NullMarked
package io.vquant.weights.safetensors;

import org.jspecify.annotations.NullMarked;
