package io.vquant.engine.chat;

/** A message that does not fit into the context even when everything before it is left out. */
public final class MessageTooLongException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  MessageTooLongException(int promptTokens, int contextLength) {
    super(
        "this message alone makes a prompt of "
            + promptTokens
            + " tokens: expected at most "
            + (contextLength - 1)
            + ", one less than the context of "
            + contextLength);
  }
}
