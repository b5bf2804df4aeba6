package io.vquant.engine.sampling;

/** The last tokens of a history, as the penalties see them. */
final class RecentTokens {
  private RecentTokens() {}

  /** Position of the first of the last {@code window} tokens. */
  static int start(TokenHistory history, int window) {
    return Math.max(0, history.length() - window);
  }

  /** Whether the token at {@code position} is not among those from {@code start} on before it. */
  static boolean isFirstOccurrence(TokenHistory history, int start, int position) {
    int tokenId = history.tokenId(position);
    for (int i = start; i < position; i++) {
      if (history.tokenId(i) == tokenId) {
        return false;
      }
    }
    return true;
  }
}
