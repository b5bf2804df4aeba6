package io.vquant.engine.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** A grammar takes the texts of its schema and no others. */
class JsonSchemaTest {
  private static final JsonMapper JSON = JsonMapper.shared();

  private static Rule rule(String schema) {
    return JsonSchema.compile(JSON.readValue(schema, Object.class), JSON::writeValueAsString)
        .rule();
  }

  private static boolean accepts(Rule rule, byte[] text) {
    GrammarAutomaton automaton = new GrammarAutomaton(rule);
    int state = automaton.start();
    for (byte b : text) {
      state = automaton.next(state, b & 0xff);
      if (state == GrammarAutomaton.DEAD) {
        return false;
      }
    }
    return automaton.mayEnd(state);
  }

  private static boolean accepts(Rule rule, String text) {
    return accepts(rule, text.getBytes(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"type": "string"}                       | "a\\u00e9\\ud83d\\ude00 \\n é😀"  | true
          {"type": "string"}                       | "\\ud83d"                     | false
          {"type": "string"}                       | "a" "b"                       | false
          {"type": "string"}                       | "\\x"                         | false
          {"type": "string", "maxLength": 2}       | "é😀"                         | true
          {"type": "string", "maxLength": 2}       | "abc"                         | false
          {"type": "string", "minLength": 2}       | "a"                           | false
          {"type": "integer"}                      | -120                          | true
          {"type": "integer"}                      | 012                           | false
          {"type": "integer"}                      | 1.5                           | false
          {"type": "number"}                       | -1.5e+3                       | true
          {"type": "number"}                       | 1.                            | false
          {"type": "boolean"}                      | true                          | true
          {"type": ["string", "null"]}             | null                          | true
          {"type": ["string", "null"]}             | 1                             | false
          {"enum": ["red", "green", 1, null]}      | "green"                       | true
          {"enum": ["red", "green", 1, null]}      | "gree"                        | false
          {"const": {"a": [1, 2]}}                 | {"a":[1,2]}                   | true
          {"anyOf": [{"type": "integer"}, {"const": "x"}]} | "x"                   | true
          {"type": "array", "items": {"type": "integer"}} | [1, 2 ,3]              | true
          {"type": "array", "items": {"type": "integer"}} | [1, "2"]               | false
          {"type": "array", "items": {"type": "integer"}} | [1,]                   | false
          {"type": "array", "minItems": 2, "maxItems": 3} | [1]                    | false
          {"type": "array", "minItems": 2, "maxItems": 3} | [1, {}, []]            | true
          {"type": "array", "minItems": 2, "maxItems": 3} | [1, 2, 3, 4]           | false
          {"type": "array", "maxItems": 0}         | []                            | true
          {"type": "object"}                       | {"a": {"b": [null]}, "c": ""} | true
          {"type": "object", "additionalProperties": {"type": "integer"}} | {"a": 1} | true
          {"type": "object", "additionalProperties": {"type": "integer"}} | {"a": ""} | false
          {"type": "object", "additionalProperties": false} | {}                   | true
          {"type": "object", "additionalProperties": false} | {"a": 1}             | false
          {}                                       | [{"any": "thing"}]            | true
          """)
  void valuesOfASchema(String schema, String text, boolean accepted) {
    assertThat(accepts(rule(schema), text)).as("%s in %s", text, schema).isEqualTo(accepted);
  }

  @Test
  void membersComeInOrderAndOptionalOnesMayBeLeftOut() {
    Rule rule =
        rule(
            """
            {"type": "object", "required": ["b"], "additionalProperties": false,
             "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"},
                            "c": {"type": "null"}}}
            """);
    for (String text :
        List.of(
            "{\"b\":true}",
            "{\"a\": 1, \"b\": true}",
            "{ \"b\" : false , \"c\" : null }",
            "{\"a\":1,\"b\":true,\"c\":null}")) {
      assertThat(accepts(rule, text)).as(text).isTrue();
    }
    for (String text :
        List.of("{}", "{\"a\":1}", "{\"b\":true,\"a\":1}", "{,\"b\":true}", "{\"b\":true,}")) {
      assertThat(accepts(rule, text)).as(text).isFalse();
    }
  }

  @Test
  void schemasMayContainThemselves() {
    Rule rule =
        rule(
            """
            {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object",
             "properties": {"v": {"type": "integer"},
                            "kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
             "required": ["v", "kids"]}}}
            """);
    String nested = "{\"v\":1,\"kids\":[]}";
    for (int i = 0; i < 200; i++) {
      nested = "{\"v\":1,\"kids\":[" + nested + "]}";
    }
    assertThat(accepts(rule, nested)).isTrue();
    assertThat(accepts(rule, nested.replace("]}]", "]]"))).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"type": "string", "pattern": "a+"}                    | pattern
          {"type": "string", "format": "date"}                   | format
          {"type": "integer", "minimum": 1}                      | minimum
          {"type": "object", "properties": {"a": {"oneOf": []}}} | properties.a.oneOf
          {"type": "array", "items": {"uniqueItems": true}}      | items.uniqueItems
          {"type": "string", "minItems": 1}                      | minItems
          {"type": "text"}                                       | type
          {"type": 5}                                            | type
          {"properties": {}}                                     | type
          {"enum": []}                                           | enum
          {"$ref": "http://example.com"}                         | $ref
          {"$ref": "#/$defs/none"}                               | $ref
          {"$ref": "#"}                                          | $ref
          {"anyOf": [{"anyOf": [{"$ref": "#"}]}]}                | $ref
          {"anyOf": [{"type": "string"}], "type": "string"}      | type
          {"type": "object", "required": ["x"]}                  | required
          {"type": "array", "minItems": 3, "maxItems": 1}        | minItems
          {"type": "string", "maxLength": -1}                    | maxLength
          "string"                                               | ``
          """)
  void whatCannotBeKeptIsRefusedByName(String schema, String place) {
    assertThatThrownBy(() -> rule(schema))
        .isInstanceOfSatisfying(
            UnsupportedSchemaException.class, e -> assertThat(e.place()).isEqualTo(place));
  }

  @Test
  void aSchemaCannotBeMadeTooLarge() {
    StringBuilder deep = new StringBuilder();
    for (int i = 0; i < 6000; i++) {
      deep.append(i == 0 ? "" : ",").append("\"p").append(i).append("\":{}");
    }
    assertThatThrownBy(() -> rule("{\"type\":\"object\",\"properties\":{" + deep + "}}"))
        .isInstanceOf(UnsupportedSchemaException.class);
  }

  /** The mask of a vocabulary against each token tried alone. */
  @Test
  void aTokenIsAllowedWhenItsBytesAre() {
    long seed = 3;
    Random random = new Random(seed);
    List<byte[]> tokens = new ArrayList<>();
    String alphabet = "{}[]\":, abt1e\\\u00e9";
    for (int i = 0; i < 800; i++) {
      StringBuilder token = new StringBuilder();
      for (int k = random.nextInt(5); k >= 0; k--) {
        token.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      byte[] bytes = token.toString().getBytes(StandardCharsets.UTF_8);
      tokens.add(
          random.nextInt(10) == 0 ? null : Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length)));
    }
    TokenTable table = new TokenTable(tokens);
    GrammarAutomaton automaton = new GrammarAutomaton(new JsonGrammar().object);
    for (String written :
        List.of("", "{", "{\"a", "{\"a\":", "{\"a\":1", "{\"a\":[true, \"\u00e9")) {
      int state = automaton.start();
      for (byte b : written.getBytes(StandardCharsets.UTF_8)) {
        state = automaton.next(state, b & 0xff);
      }
      BitSet allowed = table.allowed(automaton, state);
      for (int id = 0; id < tokens.size(); id++) {
        int end = tokens.get(id) == null ? GrammarAutomaton.DEAD : state;
        for (int k = 0; end != GrammarAutomaton.DEAD && k < tokens.get(id).length; k++) {
          end = automaton.next(end, tokens.get(id)[k] & 0xff);
        }
        assertThat(allowed.get(id))
            .as("seed %d, after %s, token %d", seed, written, id)
            .isEqualTo(end != GrammarAutomaton.DEAD);
      }
    }
  }
}
