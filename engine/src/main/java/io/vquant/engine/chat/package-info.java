/**
 * Conversations: messages on one side, one KV cache on the other.
 *
 * <p>{@link io.vquant.engine.chat.Conversation} is the entry, for the {@code chat} command and for
 * programs. It builds on {@code io.vquant.engine} and on the model's chat template; it prints
 * nothing and reads nothing of the process.
 *
 * <p>Invariant: the prompt of an answer is what the model's template renders from the messages, and
 * of its tokens only those are computed that the cache does not hold; nothing of a conversation is
 * left out without the listener being told first.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.engine.chat;
