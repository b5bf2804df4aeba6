package io.vquant.engine.runtime;

import io.vquant.tokenizer.StreamingDecoder;
import io.vquant.tokenizer.Tokenizer;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The text of one generation: decoded as tokens come, cut before a stop string. */
public final class TextOutput {
  private final @Nullable Tokenizer tokenizer;
  private final @Nullable StreamingDecoder decoder;
  private final Set<Integer> shownTokens;
  private final StopText stopText;
  private final Consumer<String> listener;
  private final StringBuilder text = new StringBuilder();

  /**
   * An empty text.
   *
   * @param tokenizer null: there is no text
   * @param listener given each piece that is not empty
   */
  public TextOutput(
      @Nullable Tokenizer tokenizer, List<String> stopStrings, Consumer<String> listener) {
    this(tokenizer, stopStrings, Set.of(), listener);
  }

  /**
   * The same with some special tokens in the text, as the vocabulary writes them.
   *
   * @param shownTokens their ids
   */
  public TextOutput(
      @Nullable Tokenizer tokenizer,
      List<String> stopStrings,
      Set<Integer> shownTokens,
      Consumer<String> listener) {
    this.tokenizer = tokenizer;
    this.shownTokens = Set.copyOf(shownTokens);
    this.decoder = tokenizer == null ? null : tokenizer.streamingDecoder(true);
    this.stopText = new StopText(stopStrings);
    this.listener = listener;
  }

  /**
   * Takes the next token. Rows of the output layer beyond the tokenizer's vocabulary (it is often
   * padded) stand for no text.
   *
   * @return whether a stop string is complete
   */
  public boolean push(int tokenId) {
    if (tokenizer != null && decoder != null && tokenizer.hasToken(tokenId)) {
      boolean shown = shownTokens.contains(tokenId);
      emit(
          stopText.push(
              shown ? decoder.finish() + tokenizer.token(tokenId) : decoder.push(tokenId)));
    }
    return stopText.found();
  }

  /** Whether a stop string cut the text. */
  public boolean stopFound() {
    return stopText.found();
  }

  /**
   * Emits what was held back and returns the whole text. A stop string that only becomes complete
   * here (its last character was held back by the decoder) cuts the text as well.
   */
  public String finish() {
    if (decoder != null) {
      emit(stopText.push(decoder.finish()));
      emit(stopText.finish());
    }
    return text.toString();
  }

  private void emit(String piece) {
    if (!piece.isEmpty()) {
      text.append(piece);
      listener.accept(piece);
    }
  }
}
