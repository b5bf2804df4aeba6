package io.vquant.tokenizer;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the library takes for granted in a {@code post_processor}, and ends the process for where it
 * is not so.
 */
final class PostProcessorCheck {
  private PostProcessorCheck() {}

  /**
   * @throws MalformedTokenizerException if a template names a special token that is not in its
   *     table
   */
  static void require(Path file, String field, @Nullable Object value) {
    if (!(value instanceof Map<?, ?> processor)) {
      return;
    }
    if (processor.get("processors") instanceof List<?> parts) {
      for (int i = 0; i < parts.size(); i++) {
        require(file, field + ".processors[" + i + "]", parts.get(i));
      }
    }
    Map<?, ?> table = processor.get("special_tokens") instanceof Map<?, ?> named ? named : Map.of();
    for (String template : List.of("single", "pair")) {
      if (!(processor.get(template) instanceof List<?> pieces)) {
        continue;
      }
      for (Object piece : pieces) {
        if (piece instanceof Map<?, ?> kinds
            && kinds.get("SpecialToken") instanceof Map<?, ?> token
            && !table.containsKey(token.get("id"))) {
          throw new MalformedTokenizerException(
              file,
              field + "." + template,
              "tokens of special_tokens",
              "'" + token.get("id") + "'");
        }
      }
    }
  }
}
