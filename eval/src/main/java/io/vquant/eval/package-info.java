/**
 * What is measured of a model, apart from how it runs: tasks and the requests they make, the
 * windows of perplexity protocols, divergence, rows of benchmarks, and how results are written.
 *
 * <p>Used by {@code engine}, which adapts its model to {@link io.vquant.eval.LanguageModel} and
 * {@link io.vquant.eval.TokenScorer}. Nothing here knows sessions, devices or the command line;
 * numbers are returned with what they were made of, and nothing is printed.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.eval;
