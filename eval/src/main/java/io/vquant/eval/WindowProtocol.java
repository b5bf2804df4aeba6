package io.vquant.eval;

import java.util.Arrays;
import java.util.OptionalInt;

/** Which tokens of a text are scored, and after which others. Windows do not overlap. */
public enum WindowProtocol {
  /** Every token of a window but its first (Frantar et al. 2022, as their code does it). */
  GPTQ("gptq"),
  /**
   * The second half of a window (llama-perplexity): of n tokens those from n / 2 + 1 on, 255 of
   * 512.
   */
  LLAMA_CPP("llama.cpp");

  private final String label;

  WindowProtocol(String label) {
    this.label = label;
  }

  /** The name as a user writes it. */
  public String label() {
    return label;
  }

  /** Index in a window of the first token that is scored. */
  public int firstScored(int windowTokens) {
    return this == GPTQ ? 1 : windowTokens / 2 + 1;
  }

  /** The shortest window with two scored tokens, fewer of which have no error to report. */
  public int minWindowTokens() {
    return this == GPTQ ? 3 : 5;
  }

  /** Whole windows in a text; the tokens after the last one are left out, as both protocols do. */
  public static int windowCount(int textTokens, int windowTokens) {
    if (windowTokens < 3) {
      throw new IllegalArgumentException(
          "window of " + windowTokens + " tokens: expected 3 or more");
    }
    return textTokens / windowTokens;
  }

  /**
   * One window.
   *
   * @param text all token ids
   * @param index which window, below {@link #windowCount}
   * @param bos takes the place of the window's first token, which is never scored
   */
  public static int[] window(int[] text, int windowTokens, int index, OptionalInt bos) {
    if (index < 0 || index >= windowCount(text.length, windowTokens)) {
      throw new IndexOutOfBoundsException(
          "window " + index + " of " + windowCount(text.length, windowTokens));
    }
    int first = index * windowTokens;
    int[] window = Arrays.copyOfRange(text, first, first + windowTokens);
    if (bos.isPresent()) {
      window[0] = bos.getAsInt();
    }
    return window;
  }

  /** Scores one window; parameters as those of {@link #window}. */
  public WindowLoss score(
      TokenScorer scorer, int[] text, int windowTokens, int index, OptionalInt bos) {
    int[] window = window(text, windowTokens, index, bos);
    return WindowLoss.of(scorer.negativeLogLikelihoods(window, firstScored(windowTokens)));
  }
}
