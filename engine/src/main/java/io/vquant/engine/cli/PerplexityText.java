package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.eval.WindowProtocol;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * The tokens that {@code perplexity} scores.
 *
 * @param name of the file
 * @param ids the text's, after the BOS token if there is to be one
 * @param bos the token that begins the text and takes the place of each window's first one
 */
@SuppressWarnings("ArrayRecordComponent") // one owner, never compared
record PerplexityText(String name, int[] ids, OptionalInt bos) {

  /**
   * Reads a file of text, its lines as Python's text mode gives them: CR LF and a lone CR count as
   * LF. Published perplexities come from Python, and WikiText-2 as distributed has CR LF.
   *
   * @throws CommandFailure if it cannot be read, is empty or is not UTF-8
   */
  static String read(String file, InputStream stdin) {
    String text = InputText.ofDocument(file, stdin);
    if (text.isEmpty()) {
      throw CommandFailure.badInput(name(file) + ": empty, expected text");
    }
    TokenIds.requireTextFits(text);
    return text.replace("\r\n", "\n").replace('\r', '\n');
  }

  /** Encodes it, without special tokens but the BOS asked for. */
  static PerplexityText encode(Engine engine, Path folder, String file, String text, boolean bos) {
    int[] ids = engine.tokenizer().encode(text);
    OptionalInt bosId = OptionalInt.empty();
    if (bos) {
      bosId = engine.tokenizer().bosTokenId();
      if (bosId.isEmpty()) {
        throw CommandFailure.usage("--bos: this tokenizer names no BOS token");
      }
      ids = IntStream.concat(IntStream.of(bosId.getAsInt()), IntStream.of(ids)).toArray();
    }
    new PromptEncoder(engine, folder).requireEmbedded(ids);
    return new PerplexityText(name(file), ids, bosId);
  }

  private static String name(String file) {
    return file.equals("-") ? "stdin" : file;
  }

  /** Tokens of the text itself. */
  int textTokens() {
    return ids.length - (bos.isPresent() ? 1 : 0);
  }

  /**
   * Whole windows in the text.
   *
   * @throws CommandFailure if there is none
   */
  int windows(int windowTokens) {
    int windows = WindowProtocol.windowCount(ids.length, windowTokens);
    if (windows == 0) {
      throw CommandFailure.badInput(
          name
              + ": "
              + ids.length
              + " tokens, expected at least "
              + windowTokens
              + ", one window of --context");
    }
    return windows;
  }
}
