package io.vquant.engine.chat;

import java.util.Arrays;

/** A text and the tokens that stand for it: those of a prompt, or those that a model produced. */
final class EncodedText {
  private final String text;
  private final int[] ids;

  EncodedText(String text, int[] ids) {
    this.text = text;
    this.ids = ids.clone();
  }

  String text() {
    return text;
  }

  int[] ids() {
    return ids.clone();
  }

  int length() {
    return ids.length;
  }

  /** This, and then a continuation. */
  EncodedText then(String moreText, int[] moreIds) {
    int[] all = Arrays.copyOf(ids, ids.length + moreIds.length);
    System.arraycopy(moreIds, 0, all, ids.length, moreIds.length);
    return new EncodedText(text + moreText, all);
  }
}
