package io.vquant.tokenizer.chat;

import io.vquant.tokenizer.chat.jinja.TrackedText;

/** A prompt, and who wrote which of its characters. */
public final class RenderedChat {
  private final TrackedText tracked;

  RenderedChat(TrackedText tracked) {
    this.tracked = tracked;
  }

  /** The prompt. */
  public String text() {
    return tracked.text();
  }

  /**
   * Whether the template (its literals, or the special tokens of the model) wrote the UTF-16 unit
   * at {@code charIndex} of {@link #text()}, and not a message.
   *
   * @throws IndexOutOfBoundsException if there is no such character
   */
  public boolean fromTemplate(int charIndex) {
    return tracked.fromTemplate(charIndex);
  }

  @Override
  public String toString() {
    return text();
  }
}
