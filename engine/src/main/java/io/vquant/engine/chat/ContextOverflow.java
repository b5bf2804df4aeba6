package io.vquant.engine.chat;

/**
 * A conversation has outgrown the context: its oldest exchanges are left out of the prompt from now
 * on. They stay among the messages.
 *
 * @param promptTokens tokens of the whole prompt
 * @param contextLength tokens that the context holds, the answer's among them
 * @param forgottenExchanges exchanges left out for this answer and those to come
 * @param forgottenTokens tokens that the prompt is shorter by
 */
public record ContextOverflow(
    int promptTokens, int contextLength, int forgottenExchanges, int forgottenTokens) {}
