package io.vquant.tokenizer;

/**
 * An entry of {@code added_tokens} in tokenizer.json: text that is cut out as one token before
 * anything else happens.
 *
 * @param content the text
 * @param special left out by {@code skipSpecial} decoding
 */
record AddedToken(int id, String content, boolean special) {
  /**
   * Whether text that a user typed must not become this token. That is every special one, and also
   * those that have the shape of a control token but were saved as ordinary ones, such as
   * DeepSeek's {@code <｜User｜>}. Others, such as {@code <think>}, are ordinary vocabulary.
   */
  boolean isControl() {
    return special || isBetween("<|", "|>") || isBetween("<｜", "｜>");
  }

  private boolean isBetween(String open, String close) {
    return content.length() >= open.length() + close.length()
        && content.startsWith(open)
        && content.endsWith(close);
  }
}
