package io.vquant.model.config;

import io.vquant.model.MalformedConfigException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Typed access to one JSON object of a config; remembers which fields were asked for. A field that
 * is null counts as absent, as in transformers; a field of the wrong type or outside its range is a
 * {@link MalformedConfigException}.
 */
public final class ConfigFields {
  private final Path file;
  private final String prefix;
  private final ObjectNode object;
  private final Set<String> read = new HashSet<>();

  ConfigFields(Path file, String prefix, ObjectNode object) {
    this.file = file;
    this.prefix = prefix;
    this.object = object;
  }

  public Path file() {
    return file;
  }

  /** The object itself; not to be modified. */
  public JsonNode json() {
    return object;
  }

  /** Whether the field is there, be it null. */
  public boolean isPresent(String name) {
    return object.has(name);
  }

  /** An integer that must be there. */
  public int requiredInt(String name, int min, int max) {
    return optionalInt(name, min, max)
        .orElseThrow(() ->
            new MalformedConfigException(
                file, prefix + name, describe(object.get(name)), integerRange(min, max)));
  }

  public OptionalInt optionalInt(String name, int min, int max) {
    JsonNode value = find(name);
    return value == null ? OptionalInt.empty() : OptionalInt.of(toInt(name, value, min, max));
  }

  /** A finite number, as float64. */
  public OptionalDouble optionalNumber(String name) {
    JsonNode value = find(name);
    if (value == null) {
      return OptionalDouble.empty();
    }
    double number = value.isNumber() ? value.doubleValue() : Double.NaN;
    if (!Double.isFinite(number)) {
      throw bad(name, "a finite number");
    }
    return OptionalDouble.of(number);
  }

  /** A number over 0 that is also over 0 and finite as a float32. */
  public OptionalDouble optionalPositive(String name) {
    OptionalDouble number = optionalNumber(name);
    if (number.isPresent()) {
      float rounded = (float) number.getAsDouble();
      if (!(rounded > 0) || Float.isInfinite(rounded)) {
        throw bad(name, "a number over 0 in the range of float32");
      }
    }
    return number;
  }

  public boolean flag(String name, boolean whenAbsent) {
    JsonNode value = find(name);
    if (value == null) {
      return whenAbsent;
    }
    if (!value.isBoolean()) {
      throw bad(name, "true or false");
    }
    return value.booleanValue();
  }

  public Optional<String> optionalText(String name) {
    JsonNode value = find(name);
    if (value == null) {
      return Optional.empty();
    }
    if (!value.isString()) {
      throw bad(name, "a string");
    }
    return Optional.of(value.stringValue());
  }

  /** A list of strings, or null where absent. */
  public @Nullable List<String> optionalTexts(String name) {
    JsonNode value = array(name);
    if (value == null) {
      return null;
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode element : value) {
      if (!element.isString()) {
        throw bad(name, "a list of strings");
      }
      texts.add(element.stringValue());
    }
    return texts;
  }

  /** A list of 0 and 1 (or false and true), or null where absent. */
  public @Nullable List<Boolean> optionalFlags(String name) {
    JsonNode value = array(name);
    if (value == null) {
      return null;
    }
    List<Boolean> flags = new ArrayList<>();
    for (JsonNode element : value) {
      if (element.isBoolean()) {
        flags.add(element.booleanValue());
      } else if (element.isInt() && (element.intValue() | 1) == 1) {
        flags.add(element.intValue() == 1);
      } else {
        throw bad(name, "a list of 0 and 1");
      }
    }
    return flags;
  }

  /** Token ids: one integer or a list of them; empty where absent. */
  public List<Integer> tokenIds(String name) {
    JsonNode value = find(name);
    if (value == null) {
      return List.of();
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode element : value.isArray() ? value : List.of(value)) {
      ids.add(toInt(name, element, Integer.MIN_VALUE, Integer.MAX_VALUE));
    }
    return ids;
  }

  /** A JSON object inside this one. */
  public Optional<ConfigFields> optionalObject(String name) {
    JsonNode value = find(name);
    if (value == null) {
      return Optional.empty();
    }
    if (!(value instanceof ObjectNode inner)) {
      throw bad(name, "a JSON object or null");
    }
    return Optional.of(new ConfigFields(file, prefix + name + ".", inner));
  }

  /** Names of the fields that nobody asked for, sorted. */
  public Set<String> unread() {
    Set<String> names = new TreeSet<>(object.propertyNames());
    names.removeAll(read);
    return names;
  }

  /** All names, sorted. */
  public Set<String> names() {
    return new TreeSet<>(object.propertyNames());
  }

  /** An exception about a field of this object. */
  public MalformedConfigException bad(String name, String expected) {
    return new MalformedConfigException(file, prefix + name, describe(object.get(name)), expected);
  }

  /** As {@link #bad(String, String)}, about a part of the field. */
  public MalformedConfigException bad(String name, String found, String expected) {
    return new MalformedConfigException(file, prefix + name, found, expected);
  }

  private @Nullable JsonNode array(String name) {
    JsonNode value = find(name);
    if (value != null && !value.isArray()) {
      throw bad(name, "a list");
    }
    return value;
  }

  private @Nullable JsonNode find(String name) {
    read.add(name);
    JsonNode value = object.get(name);
    return value == null || value.isNull() ? null : value;
  }

  private int toInt(String name, JsonNode value, int min, int max) {
    if (!value.isIntegralNumber()
        || !value.canConvertToInt()
        || value.intValue() < min
        || value.intValue() > max) {
      throw bad(name, integerRange(min, max));
    }
    return value.intValue();
  }

  private static String integerRange(int min, int max) {
    return min == Integer.MIN_VALUE ? "an integer" : "an integer from " + min + " to " + max;
  }

  private static String describe(@Nullable JsonNode value) {
    if (value == null) {
      return "missing";
    }
    if (value.isContainer()) {
      return value.isArray() ? "a list of " + value.size() : "an object of " + value.size();
    }
    return value.toString();
  }
}
