/**
 * The tasks, one class each; {@link io.vquant.eval.EvalTasks} lists them. Used through that list.
 *
 * <p>A task is its data and its rules: it keeps no state between documents, so that the order and
 * number of documents asked does not change a document's score.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.eval.tasks;
