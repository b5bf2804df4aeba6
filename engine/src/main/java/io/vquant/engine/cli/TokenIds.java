package io.vquant.engine.cli;

import io.vquant.tokenizer.Tokenizer;

/** Token ids and text as users give them. */
final class TokenIds {
  private TokenIds() {}

  /**
   * Reads {@code 1,2,3}; blanks around a number are allowed.
   *
   * @throws CommandFailure if it is anything else
   */
  static int[] parse(String option, String list) {
    if (list.isBlank()) {
      throw CommandFailure.badInput(option + ": empty, expected token ids such as 1,2,3");
    }
    String[] words = list.split(",", -1);
    int[] ids = new int[words.length];
    for (int i = 0; i < ids.length; i++) {
      try {
        ids[i] = Integer.parseInt(words[i].strip());
      } catch (NumberFormatException e) {
        ids[i] = -1;
      }
      if (ids[i] < 0) {
        throw CommandFailure.badInput(
            option
                + ": '"
                + words[i].strip()
                + "' at place "
                + (i + 1)
                + ": expected token ids of 0 or more, such as 1,2,3");
      }
    }
    return ids;
  }

  /** Checks that each id has a token. */
  static void requireKnown(int[] ids, Tokenizer tokenizer) {
    for (int id : ids) {
      if (!tokenizer.hasToken(id)) {
        throw CommandFailure.badInput(
            "token id "
                + id
                + ": the tokenizer has no such token, its ids end at "
                + tokenizer.maxTokenId());
      }
    }
  }

  /** Checks the length of a text that is to be encoded. */
  static void requireTextFits(String text) {
    if (text.length() > Tokenizer.MAX_TEXT_CHARS) {
      throw CommandFailure.badInput(
          "text of " + text.length() + " characters: expected at most " + Tokenizer.MAX_TEXT_CHARS);
    }
  }
}
