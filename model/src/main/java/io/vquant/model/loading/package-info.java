/**
 * From a model folder to a model that runs: the one place that knows both stored and computed
 * types.
 *
 * <p>For {@code engine}; start at {@link io.vquant.model.loading.ModelLoader}. The invariant: every
 * tensor of the checkpoint was either read with the shape that the config asks for, or is known to
 * have no part in the result; nothing is left over in silence.
 */
@NullMarked
package io.vquant.model.loading;

import org.jspecify.annotations.NullMarked;
