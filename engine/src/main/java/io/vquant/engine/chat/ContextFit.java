package io.vquant.engine.chat;

import java.util.function.IntFunction;

/**
 * How much of a conversation goes into a prompt: all of it while there is room for an answer, then
 * as many of its newest exchanges as fill half of the context, so that not every message overflows.
 *
 * @param prompt what is sent
 * @param firstExchange index of the first exchange in it
 */
record ContextFit(EncodedText prompt, int firstExchange) {
  /** An eighth of the context is kept for the answer where something can be left out for it. */
  private static final int ANSWER_SHARE = 8;

  /**
   * Finds the prompt.
   *
   * @param prompts makes the prompt that begins with an exchange
   * @param first the first exchange that may be in it
   * @param last index of the exchange that must be
   * @param maxTokens of the answer, or -1
   * @param listener told before exchanges are left out
   * @throws MessageTooLongException if the last exchange alone does not fit
   */
  static ContextFit of(
      IntFunction<EncodedText> prompts,
      int first,
      int last,
      int contextLength,
      int maxTokens,
      ConversationListener listener) {
    EncodedText whole = prompts.apply(first);
    int share = Math.max(1, contextLength / ANSWER_SHARE);
    int room = maxTokens > 0 ? Math.min(maxTokens, share) : share;
    if (whole.length() <= contextLength - room) {
      return new ContextFit(whole, first);
    }
    int from = first;
    int most = last;
    while (from < most) {
      int middle = (from + most) >>> 1;
      EncodedText tried = middle == first ? whole : prompts.apply(middle);
      if (tried.length() <= contextLength / 2) {
        most = middle;
      } else {
        from = middle + 1;
      }
    }
    EncodedText shorter = from == first ? whole : prompts.apply(from);
    if (shorter.length() >= contextLength) {
      throw new MessageTooLongException(shorter.length(), contextLength);
    }
    if (from > first) {
      listener.onOverflow(
          new ContextOverflow(
              whole.length(), contextLength, from - first, whole.length() - shorter.length()));
    }
    return new ContextFit(shorter, from);
  }
}
