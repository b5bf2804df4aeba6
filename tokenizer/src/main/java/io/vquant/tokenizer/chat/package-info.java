/**
 * Conversations to prompts: messages, a model's chat templates, and the encoding of what a template
 * renders.
 *
 * <p>{@link io.vquant.tokenizer.chat.ChatTokenizer} is the entry. The package builds on {@code
 * io.vquant.tokenizer} and on the template interpreter in {@code jinja}; neither knows it.
 *
 * <p>Invariant: of a rendered prompt it is known which characters the template wrote, and only
 * those can become control tokens; nothing is added to what the template wrote (it writes BOS
 * itself).
 */
@NullMarked
package io.vquant.tokenizer.chat;

import org.jspecify.annotations.NullMarked;
