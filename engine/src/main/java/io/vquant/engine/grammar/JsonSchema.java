package io.vquant.engine.grammar;

import static io.vquant.engine.grammar.Rule.UNBOUNDED;
import static io.vquant.engine.grammar.Rule.literal;
import static io.vquant.engine.grammar.Rule.sequence;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A part of JSON Schema (2020-12) as a grammar. Known are: {@code type} (one or several), {@code
 * properties}, {@code required}, {@code additionalProperties}, {@code items}, {@code minItems},
 * {@code maxItems}, {@code minLength}, {@code maxLength}, {@code enum}, {@code const}, {@code
 * anyOf}, {@code $ref} into the schema itself, {@code $defs}; what only describes ({@code title},
 * {@code description}, ...) is passed over. Anything else is refused by name. Properties come in
 * the order of the schema, and none but those listed, where any are.
 */
public final class JsonSchema {
  private static final Set<String> DESCRIPTIONS =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "$comment",
          "$schema",
          "$id",
          "$defs",
          "definitions",
          "deprecated",
          "readOnly",
          "writeOnly");
  private static final Set<String> KNOWN =
      Set.of(
          "type",
          "properties",
          "required",
          "additionalProperties",
          "items",
          "minItems",
          "maxItems",
          "minLength",
          "maxLength",
          "enum",
          "const",
          "anyOf",
          "$ref");
  private static final int MAX_REPETITIONS = 10_000;
  private static final int MAX_RULES = 5_000;

  private final JsonGrammar json;
  private final Object root;
  private final Function<Object, String> writer;
  private final Map<String, Rule.Reference> byReference = new HashMap<>();
  private int rules;

  private JsonSchema(JsonGrammar json, Object root, Function<Object, String> writer) {
    this.json = json;
    this.root = root;
    this.writer = writer;
  }

  /**
   * Reads a schema.
   *
   * @param schema as JSON values: maps, lists, strings, numbers, booleans, null
   * @param writer JSON text of a value, for {@code enum} and {@code const}
   * @return makes the constraint of one answer
   * @throws UnsupportedSchemaException if it cannot be kept; names the place
   */
  public static Compiled compile(Object schema, Function<Object, String> writer) {
    JsonGrammar json = new JsonGrammar();
    JsonSchema compiler = new JsonSchema(json, schema, writer);
    Rule rule = compiler.rule("", schema);
    compiler.requireProgress();
    return new Compiled(json, rule);
  }

  /** A schema ready for use, by any number of answers. */
  public static final class Compiled {
    private final JsonGrammar json;
    private final Rule rule;

    private Compiled(JsonGrammar json, Rule rule) {
      this.json = json;
      this.rule = rule;
    }

    Rule rule() {
      return rule;
    }

    /**
     * Keeps one answer in the schema.
     *
     * @param endTokens tokens that end an answer, at least one
     */
    public GrammarConstraint constraint(TokenTable tokens, Set<Integer> endTokens) {
      return json.constraint(rule, tokens, endTokens);
    }
  }

  private Rule rule(String place, @Nullable Object schema) {
    if (++rules > MAX_RULES) {
      throw new UnsupportedSchemaException(place, "has more than " + MAX_RULES + " parts");
    }
    if (Boolean.TRUE.equals(schema)) {
      return json.value;
    }
    if (!(schema instanceof Map<?, ?> fields)) {
      throw new UnsupportedSchemaException(place, "expected a schema, an object");
    }
    for (Object key : fields.keySet()) {
      String name = String.valueOf(key);
      if (!DESCRIPTIONS.contains(name) && !KNOWN.contains(name)) {
        throw new UnsupportedSchemaException(at(place, name), "is not supported");
      }
    }
    if (fields.containsKey("$ref")) {
      return alone(place, fields, "$ref", reference(at(place, "$ref"), fields.get("$ref")));
    }
    if (fields.containsKey("const")) {
      return alone(place, fields, "const", literal(writer.apply(fields.get("const"))));
    }
    if (fields.containsKey("enum")) {
      return alone(place, fields, "enum", enumeration(at(place, "enum"), fields.get("enum")));
    }
    if (fields.containsKey("anyOf")) {
      return alone(place, fields, "anyOf", anyOf(at(place, "anyOf"), fields.get("anyOf")));
    }
    return typed(place, fields);
  }

  private static String at(String place, String name) {
    return place.isEmpty() ? name : place + "." + name;
  }

  /** These keywords decide all: others beside them would have to hold too. */
  private static Rule alone(String place, Map<?, ?> fields, String keyword, Rule rule) {
    for (Object key : fields.keySet()) {
      String name = String.valueOf(key);
      boolean harmless = name.equals("type") && !keyword.equals("$ref") && !keyword.equals("anyOf");
      if (!name.equals(keyword) && !DESCRIPTIONS.contains(name) && !harmless) {
        throw new UnsupportedSchemaException(at(place, name), "is not supported beside " + keyword);
      }
    }
    return rule;
  }

  private Rule reference(String place, @Nullable Object value) {
    if (!(value instanceof String pointer) || !pointer.startsWith("#")) {
      throw new UnsupportedSchemaException(place, "expected a place in this schema: #/$defs/...");
    }
    Rule.Reference known = byReference.get(pointer);
    if (known != null) {
      return known;
    }
    Object target = root;
    for (String part : pointer.substring(1).split("/", -1)) {
      if (!part.isEmpty()) {
        String name = part.replace("~1", "/").replace("~0", "~");
        target = target instanceof Map<?, ?> fields ? fields.get(name) : null;
      }
    }
    if (target == null) {
      throw new UnsupportedSchemaException(place, "\"" + pointer + "\" is not in the schema");
    }
    Rule.Reference rule = new Rule.Reference();
    byReference.put(pointer, rule);
    rule.define(rule(place, target));
    return rule;
  }

  /** References that lead back to themselves with nothing written on the way would never end. */
  private void requireProgress() {
    byReference.forEach((pointer, reference) -> {
      Set<Rule> met = new HashSet<>();
      Deque<Rule> open = new ArrayDeque<>(List.of(reference.target()));
      while (!open.isEmpty()) {
        Rule rule = open.removeLast();
        if (rule.equals(reference)) {
          throw new UnsupportedSchemaException(
              "$ref", "\"" + pointer + "\" leads to itself with nothing in between");
        }
        if (met.add(rule)) {
          switch (rule) {
            case Rule.Choice choice -> open.addAll(choice.parts);
            case Rule.Reference next -> open.add(next.target());
            default -> {} // writes a byte first
          }
        }
      }
    });
  }

  private Rule enumeration(String place, @Nullable Object value) {
    if (!(value instanceof List<?> values) || values.isEmpty()) {
      throw new UnsupportedSchemaException(place, "expected a list of at least one value");
    }
    return new Rule.Choice(values.stream().map(v -> literal(writer.apply(v))).toList());
  }

  private Rule anyOf(String place, @Nullable Object value) {
    if (!(value instanceof List<?> schemas) || schemas.isEmpty()) {
      throw new UnsupportedSchemaException(place, "expected a list of at least one schema");
    }
    List<Rule> parts = new ArrayList<>();
    for (Object schema : schemas) {
      parts.add(rule(place + "[" + parts.size() + "]", schema));
    }
    return new Rule.Choice(parts);
  }

  private Rule typed(String place, Map<?, ?> fields) {
    Object type = fields.get("type");
    List<String> types = new ArrayList<>();
    if (type instanceof List<?> list && !list.isEmpty()) {
      list.forEach(name -> types.add(String.valueOf(name)));
    } else if (type instanceof String name) {
      types.add(name);
    } else if (type != null) {
      throw new UnsupportedSchemaException(at(place, "type"), "expected a type or a list of types");
    }
    if (types.isEmpty()) {
      return untyped(place, fields);
    }
    Set<String> used = new LinkedHashSet<>();
    List<Rule> parts = new ArrayList<>();
    for (String name : types) {
      parts.add(typed(place, name, fields, used));
    }
    for (Object key : fields.keySet()) {
      String name = String.valueOf(key);
      if (!name.equals("type") && !used.contains(name) && !DESCRIPTIONS.contains(name)) {
        throw new UnsupportedSchemaException(
            at(place, name), "does not go with type " + String.join(", ", types));
      }
    }
    return parts.size() == 1 ? parts.getFirst() : new Rule.Choice(parts);
  }

  private Rule untyped(String place, Map<?, ?> fields) {
    if (fields.containsKey("properties")) {
      throw new UnsupportedSchemaException(
          at(place, "type"), "is missing, expected \"object\" beside properties");
    }
    for (Object key : fields.keySet()) {
      if (!DESCRIPTIONS.contains(String.valueOf(key))) {
        throw new UnsupportedSchemaException(at(place, "type"), "is missing beside " + key);
      }
    }
    return json.value;
  }

  private Rule typed(String place, String type, Map<?, ?> fields, Set<String> used) {
    return switch (type) {
      case "string" -> {
        used.addAll(List.of("minLength", "maxLength"));
        yield json.stringOf(
            count(place, fields, "minLength", 0), count(place, fields, "maxLength", UNBOUNDED));
      }
      case "number" -> json.number;
      case "integer" -> json.integer;
      case "boolean" -> Rule.choice(literal("true"), literal("false"));
      case "null" -> literal("null");
      case "array" -> {
        used.addAll(List.of("items", "minItems", "maxItems"));
        Rule item =
            fields.containsKey("items")
                ? rule(at(place, "items"), fields.get("items"))
                : json.value;
        yield json.arrayOf(
            item, count(place, fields, "minItems", 0), count(place, fields, "maxItems", UNBOUNDED));
      }
      case "object" -> {
        used.addAll(List.of("properties", "required", "additionalProperties"));
        yield object(place, fields);
      }
      default ->
          throw new UnsupportedSchemaException(
              at(place, "type"), "is \"" + type + "\", expected a type of JSON Schema");
    };
  }

  private static int count(String place, Map<?, ?> fields, String name, int whenAbsent) {
    Object value = fields.get(name);
    if (value == null) {
      return whenAbsent;
    }
    if (!(value instanceof Integer number) || number < 0 || number > MAX_REPETITIONS) {
      throw new UnsupportedSchemaException(
          at(place, name), "expected a whole number from 0 to " + MAX_REPETITIONS);
    }
    Object other = fields.get(name.replace("min", "max"));
    if (name.startsWith("min") && other instanceof Integer max && max < number) {
      throw new UnsupportedSchemaException(at(place, name), "is above the maximum, " + max);
    }
    return number;
  }

  private Rule object(String place, Map<?, ?> fields) {
    Object properties = fields.get("properties");
    if (properties != null && !(properties instanceof Map)) {
      throw new UnsupportedSchemaException(at(place, "properties"), "expected an object");
    }
    Map<?, ?> named = properties == null ? Map.of() : (Map<?, ?>) properties;
    Set<String> required = required(place, fields, named);
    Object additional = fields.get("additionalProperties");
    if (named.isEmpty() && !Boolean.FALSE.equals(additional)) {
      Rule member =
          additional == null ? json.value : rule(at(place, "additionalProperties"), additional);
      return json.objectOf(member, 0, UNBOUNDED);
    }
    return members(at(place, "properties"), named, required);
  }

  private static Set<String> required(String place, Map<?, ?> fields, Map<?, ?> properties) {
    Object value = fields.get("required");
    Set<String> required = new LinkedHashSet<>();
    if (value != null && !(value instanceof List)) {
      throw new UnsupportedSchemaException(at(place, "required"), "expected a list of names");
    }
    for (Object name : value == null ? List.of() : (List<?>) value) {
      if (!properties.containsKey(name)) {
        throw new UnsupportedSchemaException(
            at(place, "required"), "names \"" + name + "\", which is not in properties");
      }
      required.add(String.valueOf(name));
    }
    return required;
  }

  /** From the last member to the first: what may follow when none has come yet, and after one. */
  private Rule members(String place, Map<?, ?> properties, Set<String> required) {
    List<Map.Entry<?, ?>> entries = new ArrayList<>(properties.entrySet());
    Rule first = new Rule.Sequence(List.of());
    Rule later = first;
    for (int i = entries.size() - 1; i >= 0; i--) {
      String name = String.valueOf(entries.get(i).getKey());
      Rule member =
          sequence(
              literal(writer.apply(name)),
              json.blanks,
              literal(":"),
              json.blanks,
              rule(at(place, name), entries.get(i).getValue()),
              json.blanks);
      Rule here = sequence(member, later);
      Rule hereAfterOthers = sequence(literal(","), json.blanks, member, later);
      boolean must = required.contains(name);
      first = must ? here : Rule.choice(here, first);
      later = must ? hereAfterOthers : Rule.choice(hereAfterOthers, later);
    }
    return sequence(literal("{"), json.blanks, first, literal("}"));
  }
}
