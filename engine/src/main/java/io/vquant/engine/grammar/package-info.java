/**
 * Answers that keep to a grammar: rules over bytes, a pushdown automaton that is made into states
 * as they are met, and a mask over the vocabulary at each step. JSON and a part of JSON Schema come
 * as such grammars.
 *
 * <p>For {@code engine.server}; knows neither requests nor models. The invariant: a token stays
 * allowed exactly when some text of the grammar begins with what was written and the token's bytes.
 */
@NullMarked
package io.vquant.engine.grammar;

import org.jspecify.annotations.NullMarked;
