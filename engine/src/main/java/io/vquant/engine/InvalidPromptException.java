package io.vquant.engine;

/** A prompt that cannot be answered: empty, too long for the context, or with unknown token ids. */
public final class InvalidPromptException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public InvalidPromptException(String message) {
    super(message);
  }
}
