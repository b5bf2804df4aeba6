package io.vquant.engine.server;

import io.vquant.engine.sampling.LogitsProcessor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reads {@code response_format}. */
final class ResponseFormat {
  private ResponseFormat() {}

  /**
   * What keeps an answer in the format.
   *
   * @return null where any text will do
   */
  static @Nullable Supplier<LogitsProcessor> read(JsonFields fields, ServedModel model) {
    JsonFields format = fields.object("response_format");
    if (format == null) {
      return null;
    }
    String type = format.requiredString("type");
    if (!type.equals("text")) {
      throw ApiFailure.badField("response_format.type", "is \"" + type + "\", expected \"text\"");
    }
    format.requireAllRead();
    return null;
  }
}
