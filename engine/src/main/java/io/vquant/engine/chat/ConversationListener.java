package io.vquant.engine.chat;

/** Told what happens while an answer is made, on the thread that asked for it. */
public interface ConversationListener {
  /** For callers that only want the answer. */
  ConversationListener NONE = new ConversationListener() {};

  /** The oldest exchanges will not be part of the prompt; nothing has been computed yet. */
  default void onOverflow(ContextOverflow overflow) {}

  /**
   * The prompt is being computed.
   *
   * @param doneTokens tokens of it that are in the cache, those that were there before among them
   */
  default void onPrefill(int doneTokens, int promptTokens) {}

  /**
   * More of the answer, whole characters only.
   *
   * @param thinking whether it belongs to a block of thinking, tags included
   */
  default void onText(String piece, boolean thinking) {}
}
