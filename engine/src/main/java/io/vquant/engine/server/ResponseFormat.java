package io.vquant.engine.server;

import io.vquant.engine.grammar.JsonGrammar;
import io.vquant.engine.grammar.JsonSchema;
import io.vquant.engine.grammar.UnsupportedSchemaException;
import io.vquant.engine.sampling.LogitsProcessor;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reads {@code response_format}. */
final class ResponseFormat {
  private static final String FIELD = "response_format";

  private ResponseFormat() {}

  /**
   * What keeps an answer in the format.
   *
   * @return makes one for each choice; null where any text will do
   */
  static @Nullable Supplier<LogitsProcessor> read(JsonFields fields, ServedModel model) {
    JsonFields format = fields.object(FIELD);
    if (format == null) {
      return null;
    }
    String type = format.requiredString("type");
    Supplier<LogitsProcessor> constraint =
        switch (type) {
          case "text" -> null;
          case "json_object" -> anyObject(model.vocabulary());
          case "json_schema" -> schema(format, model.vocabulary());
          default ->
              throw ApiFailure.badField(
                  FIELD + ".type",
                  "is \"" + type + "\", expected text, json_object or json_schema");
        };
    format.requireAllRead();
    if (constraint != null && fields.flag("ignore_eos", false)) {
      throw ApiFailure.badField("ignore_eos", "does not go with " + FIELD + " " + type);
    }
    return constraint;
  }

  private static Supplier<LogitsProcessor> anyObject(Vocabulary vocabulary) {
    Set<Integer> ends = vocabulary.requireEndTokens(FIELD);
    return () -> new JsonGrammar().anyObject(vocabulary.tokens(FIELD), ends);
  }

  private static Supplier<LogitsProcessor> schema(JsonFields format, Vocabulary vocabulary) {
    JsonFields fields = format.object("json_schema");
    Object schema = fields == null ? null : fields.any("schema");
    if (fields == null || schema == null) {
      throw ApiFailure.badField(FIELD + ".json_schema.schema", "is missing, expected a schema");
    }
    fields.string("name");
    fields.string("description");
    fields.flag("strict", true); // answers always keep to the schema
    fields.requireAllRead();
    Set<Integer> ends = vocabulary.requireEndTokens(FIELD);
    try {
      JsonSchema.Compiled compiled = JsonSchema.compile(schema, Json::write);
      return () -> compiled.constraint(vocabulary.tokens(FIELD), ends);
    } catch (UnsupportedSchemaException e) {
      String place = e.place().isEmpty() ? "" : "." + e.place();
      throw ApiFailure.badField(
          FIELD + ".json_schema.schema" + place, String.valueOf(e.getMessage()));
    }
  }
}
