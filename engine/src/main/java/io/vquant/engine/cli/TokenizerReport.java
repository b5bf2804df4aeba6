package io.vquant.engine.cli;

import io.vquant.tokenizer.Tokenizer;
import io.vquant.tokenizer.chat.ChatTemplates;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What {@code inspect} tells of a tokenizer.
 *
 * @param tokens ids that have a token
 * @param maxId the largest of them
 * @param bos the beginning token as the vocabulary writes it
 * @param eos the ending token
 * @param templates names of its chat templates
 */
record TokenizerReport(
    int tokens, int maxId, Optional<String> bos, Optional<String> eos, List<String> templates) {

  /**
   * Opens a folder's tokenizer.
   *
   * @return empty if there is none: not every command needs one
   * @throws io.vquant.tokenizer.MalformedTokenizerException if it is damaged
   */
  static Optional<TokenizerReport> of(Path modelFolder, Path nativeCache) {
    if (Stream.of("tokenizer.json", "tokenizer.model")
        .noneMatch(name -> Files.exists(modelFolder.resolve(name)))) {
      return Optional.empty();
    }
    try (Tokenizer tokenizer = Tokenizer.open(modelFolder, nativeCache)) {
      ChatTemplates templates = ChatTemplates.read(modelFolder, tokenizer.settings());
      return Optional.of(
          new TokenizerReport(
              tokenizer.vocabSize(),
              tokenizer.maxTokenId(),
              token(tokenizer, tokenizer.bosTokenId()),
              token(tokenizer, tokenizer.eosTokenId()),
              templates.names().stream().sorted().toList()));
    }
  }

  private static Optional<String> token(Tokenizer tokenizer, OptionalInt id) {
    return id.isPresent() ? Optional.of(tokenizer.token(id.getAsInt())) : Optional.empty();
  }

  /** In a line. */
  static String line(Optional<TokenizerReport> report) {
    return report.map(TokenizerReport::line).orElse("none");
  }

  private String line() {
    return "%d tokens, ids to %d, begins with %s, ends with %s, chat templates: %s"
        .formatted(
            tokens,
            maxId,
            bos.orElse("none"),
            eos.orElse("none"),
            templates.isEmpty() ? "none" : String.join(", ", templates));
  }

  /** As JSON; null when there is none. */
  static @Nullable JsonText json(Optional<TokenizerReport> report) {
    return report.map(TokenizerReport::json).orElse(null);
  }

  private JsonText json() {
    return new JsonText()
        .put("tokens", tokens)
        .put("max_id", maxId)
        .put("bos", bos.orElse(null))
        .put("eos", eos.orElse(null))
        .put("chat_templates", templates);
  }
}
