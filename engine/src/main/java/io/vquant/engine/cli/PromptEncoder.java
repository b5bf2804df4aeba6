package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import java.nio.file.Path;

/** RAW ONLY so far. */
record PromptEncoder(Engine engine, Path folder) {
  int[] encode(String text, PromptOptions options) {
    TokenIds.requireTextFits(text);
    return engine.tokenizer().encodeRaw(text);
  }
}
