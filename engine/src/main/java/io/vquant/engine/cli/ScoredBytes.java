package io.vquant.engine.cli;

import io.vquant.tokenizer.StreamingDecoder;
import java.nio.charset.StandardCharsets;

/**
 * Counts the text behind scored tokens: the UTF-8 bytes of the characters that they complete when
 * the text's tokens are decoded one after another. A character cut by the edge of what is scored
 * counts where its last token is.
 */
final class ScoredBytes {
  private final StreamingDecoder decoder;
  private long byteSize;

  ScoredBytes(StreamingDecoder decoder) {
    this.decoder = decoder;
  }

  /**
   * Takes the next window of the text.
   *
   * @param ids of the text
   * @param first index of the window's first token
   * @param end behind its last
   * @param firstScored the tokens from here on are scored
   */
  void add(int[] ids, int first, int end, int firstScored) {
    for (int i = first; i < end; i++) {
      String piece = decoder.push(ids[i]);
      if (i >= firstScored) {
        byteSize += piece.getBytes(StandardCharsets.UTF_8).length;
      }
    }
  }

  /** Bytes so far; 0 with a tokenizer whose tokens have no text of their own. */
  long byteSize() {
    return byteSize;
  }
}
