package io.vquant.tokenizer.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code object.name}, {@code object[key]} and {@code object[a:b:c]}, each with Jinja2's order of
 * attributes and items.
 */
final class Attributes {
  /** Methods of Python's lists and dicts that would change them: the sandbox refuses them. */
  private static final Set<String> LIST_CHANGES =
      Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

  private static final Set<String> MAP_CHANGES =
      Set.of("clear", "pop", "popitem", "setdefault", "update");

  private Attributes() {}

  /** {@code object.name}: an attribute or method, else an item. */
  static @Nullable Object attribute(Execution execution, @Nullable Object object, String name) {
    failOnUndefined(execution, object);
    Object attribute = method(execution, object, name);
    if (attribute != null) {
      return attribute;
    }
    if (object instanceof Namespace namespace && namespace.attributes().containsKey(name)) {
      return namespace.attributes().get(name);
    }
    if (object instanceof Loop loop && loop.hasAttribute(name)) {
      return loop.attribute(execution, name);
    }
    TrackedText key = TrackedText.trusted(name);
    if (object instanceof Map<?, ?> map && map.containsKey(key)) {
      return map.get(key);
    }
    return Undefined.attribute(object, name);
  }

  /** {@code object[key]}: an item, else, for a string, an attribute or method. */
  static @Nullable Object item(Execution execution, @Nullable Object object, @Nullable Object key) {
    failOnUndefined(execution, object);
    if (object instanceof Map<?, ?> map && !(key instanceof List || key instanceof Map)) {
      Object normalized = Values.key(execution, key);
      if (map.containsKey(normalized)) {
        return map.get(normalized);
      }
    } else if (object instanceof List<?> list && Numbers.isInteger(key)) {
      int index = index(key, list.size());
      if (index >= 0) {
        return list.get(index);
      }
    } else if (object instanceof TrackedText text && Numbers.isInteger(key)) {
      int index = index(key, PythonText.length(execution, text));
      if (index >= 0) {
        int begin = PythonText.offset(text, index);
        return text.substring(begin, begin + Character.charCount(text.text().codePointAt(begin)));
      }
    }
    if (key instanceof TrackedText name) {
      return object instanceof Map
          ? methodOrUndefined(execution, object, name.text())
          : attribute(execution, object, name.text());
    }
    return Undefined.because(
        Values.typeName(object) + " object has no element " + Values.text(execution, key));
  }

  private static Object methodOrUndefined(Execution execution, Object object, String name) {
    Object method = method(execution, object, name);
    return method == null ? Undefined.attribute(object, name) : method;
  }

  private static void failOnUndefined(Execution execution, @Nullable Object object) {
    if (object instanceof Undefined undefined) {
      throw execution.failure(undefined.reason());
    }
  }

  /** The place of a Python index, -1 if outside. */
  private static int index(Object key, int size) {
    BigInteger index = Numbers.integer(key);
    if (index.signum() < 0) {
      index = index.add(BigInteger.valueOf(size));
    }
    return index.signum() >= 0 && index.compareTo(BigInteger.valueOf(size)) < 0
        ? index.intValue()
        : -1;
  }

  /** A method bound to its object, or null. */
  private static @Nullable Callable method(
      Execution execution, @Nullable Object object, String name) {
    return switch (object) {
      case TrackedText text -> {
        StringMethods.Method method = StringMethods.named(name);
        yield method == null ? null : (run, arguments) -> method.call(run, text, arguments);
      }
      case Map<?, ?> map -> {
        refuseChange(execution, "dict", name, MAP_CHANGES);
        yield mapMethod(map, name);
      }
      case List<?> list -> {
        if (Values.typeName(list).equals("list")) {
          refuseChange(execution, "list", name, LIST_CHANGES);
        }
        yield listMethod(list, name);
      }
      case null, default -> null;
    };
  }

  private static void refuseChange(
      Execution execution, String type, String name, Set<String> changes) {
    if (changes.contains(name)) {
      throw execution.failure(
          "the sandbox refuses " + type + "." + name + "(): values cannot be changed");
    }
  }

  private static @Nullable Callable mapMethod(Map<?, ?> map, String name) {
    return switch (name) {
      case "items" ->
          (run, arguments) -> {
            arguments.bind(run, name, 0);
            return items(run, map);
          };
      case "keys" ->
          (run, arguments) -> {
            arguments.bind(run, name, 0);
            run.charge(map.size());
            return new ArrayList<Object>(map.keySet());
          };
      case "values" ->
          (run, arguments) -> {
            arguments.bind(run, name, 0);
            run.charge(map.size());
            return new ArrayList<Object>(map.values());
          };
      case "copy" -> (run, arguments) -> map;
      case "get" ->
          (run, arguments) -> {
            Arguments.Bound bound = arguments.bind(run, name, 1, "key", "default");
            Object key = Values.key(run, bound.get(0));
            return map.containsKey(key) ? map.get(key) : bound.get(1);
          };
      default -> null;
    };
  }

  /** Pairs of keys and values. */
  static List<Object> items(Execution execution, Map<?, ?> map) {
    execution.charge(2L * map.size());
    List<Object> items = new ArrayList<>(map.size());
    map.forEach((key, value) -> items.add(Tuple.of(key, value)));
    return items;
  }

  private static @Nullable Callable listMethod(List<?> list, String name) {
    return switch (name) {
      case "copy" -> (run, arguments) -> list;
      case "count" ->
          (run, arguments) -> {
            Object wanted = arguments.bind(run, name, 1, "value").get(0);
            return list.stream().filter(item -> Values.areEqual(run, item, wanted)).count();
          };
      case "index" ->
          (run, arguments) -> {
            Object wanted = arguments.bind(run, name, 1, "value").get(0);
            for (int i = 0; i < list.size(); i++) {
              if (Values.areEqual(run, list.get(i), wanted)) {
                return (long) i;
              }
            }
            throw run.failure("the value is not in the list");
          };
      default -> null;
    };
  }

  /** A slice; absent bounds are None. */
  static Object slice(
      Execution execution,
      @Nullable Object object,
      @Nullable Object start,
      @Nullable Object stop,
      @Nullable Object step) {
    failOnUndefined(execution, object);
    long stride = bound(execution, step, 1);
    if (stride == 0) {
      throw execution.failure("a slice needs a step other than 0");
    }
    int size;
    if (object instanceof List<?> list) {
      size = list.size();
    } else if (object instanceof TrackedText text) {
      size = PythonText.length(execution, text);
    } else {
      return Undefined.because(Values.typeName(object) + " object has no slices");
    }
    long lowest = stride > 0 ? 0 : -1;
    long begin = clamp(bound(execution, start, stride > 0 ? 0 : Integer.MAX_VALUE), size, lowest);
    long end =
        stop == null ? (stride > 0 ? size : -1) : clamp(bound(execution, stop, 0), size, lowest);
    if (object instanceof TrackedText text && stride == 1) {
      return begin >= end
          ? TrackedText.EMPTY
          : text.substring(
              PythonText.offset(text, (int) begin), PythonText.offset(text, (int) end));
    }
    List<?> items =
        object instanceof List<?> list
            ? list
            : PythonText.characters(execution, (TrackedText) object);
    List<Object> chosen = new ArrayList<>();
    for (long i = begin; stride > 0 ? i < end : i > end; i += stride) {
      execution.charge(1);
      chosen.add(items.get((int) i));
    }
    return object instanceof TrackedText
        ? joined(chosen)
        : object instanceof Tuple ? Tuple.copyOf(chosen) : chosen;
  }

  private static long clamp(long index, int size, long lowest) {
    return Math.clamp(index < 0 ? index + size : index, lowest, size + Math.min(lowest, 0));
  }

  /** An integer of a slice, in the range of int. */
  private static long bound(Execution execution, @Nullable Object value, long fallback) {
    if (value == null) {
      return fallback;
    }
    if (!Numbers.isInteger(value)) {
      throw execution.failure(
          value instanceof Undefined undefined
              ? undefined.reason()
              : "a slice needs integers, found " + Values.typeName(value));
    }
    BigInteger number = Numbers.integer(value);
    return number.bitLength() < 31 ? number.intValue() : number.signum() * (long) Integer.MAX_VALUE;
  }

  private static TrackedText joined(List<Object> characters) {
    TrackedText.Builder joined = new TrackedText.Builder();
    characters.forEach(character -> joined.append((TrackedText) character));
    return joined.build();
  }
}
