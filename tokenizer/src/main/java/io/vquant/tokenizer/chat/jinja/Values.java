package io.vquant.tokenizer.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What all values have: truth, equality, order, elements, text. */
final class Values {
  private Values() {}

  static boolean isTrue(Execution execution, @Nullable Object value) {
    return switch (value) {
      case null -> false;
      case Boolean flag -> flag;
      case Long number -> number != 0;
      case BigInteger number -> number.signum() != 0;
      case Double number -> number != 0;
      case TrackedText text -> !text.isEmpty();
      case List<?> list -> !list.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      case Undefined undefined -> false;
      case Loop loop -> loop.length(execution) > 0;
      default -> true;
    };
  }

  /**
   * Whether both are the same object, which makes the elements of equal lists equal whatever they
   * are.
   */
  @SuppressWarnings("ReferenceEquality")
  static boolean isIdentical(@Nullable Object a, @Nullable Object b) {
    return a == b;
  }

  /** Python's {@code ==}. */
  static boolean areEqual(Execution execution, @Nullable Object a, @Nullable Object b) {
    execution.charge(1);
    if (a == null || b == null) {
      return isIdentical(a, b);
    }
    if (Numbers.isNumber(a) && Numbers.isNumber(b)) {
      return !Numbers.isNaN(a) && !Numbers.isNaN(b) && Numbers.compare(a, b) == 0;
    }
    return switch (a) {
      case TrackedText text -> {
        execution.chargeText(b instanceof TrackedText ? text.length() : 0);
        yield text.equals(b);
      }
      case List<?> list ->
          b instanceof List<?> other
              && typeName(list).equals(typeName(other))
              && listsEqual(execution, list, other);
      case Map<?, ?> map -> b instanceof Map<?, ?> other && mapsEqual(execution, map, other);
      case Undefined undefined -> b instanceof Undefined;
      default -> isIdentical(a, b);
    };
  }

  private static boolean listsEqual(Execution execution, List<?> a, List<?> b) {
    execution.enter();
    boolean equal = isIdentical(a, b) || a.size() == b.size();
    for (int i = 0; !isIdentical(a, b) && equal && i < a.size(); i++) {
      equal = isIdentical(a.get(i), b.get(i)) || areEqual(execution, a.get(i), b.get(i));
    }
    execution.leave();
    return equal;
  }

  private static boolean mapsEqual(Execution execution, Map<?, ?> a, Map<?, ?> b) {
    execution.enter();
    boolean equal = a.size() == b.size();
    for (Map.Entry<?, ?> entry : a.entrySet()) {
      Object other = b.get(entry.getKey());
      equal = equal && (other != null || b.containsKey(entry.getKey()));
      equal =
          equal
              && (isIdentical(entry.getValue(), other)
                  || areEqual(execution, entry.getValue(), other));
    }
    execution.leave();
    return equal;
  }

  /** Python's order; fails where it has none. */
  static int compare(Execution execution, @Nullable Object a, @Nullable Object b) {
    execution.charge(1);
    if (Numbers.isNumber(a) && Numbers.isNumber(b) && !Numbers.isNaN(a) && !Numbers.isNaN(b)) {
      return Numbers.compare(a, b);
    }
    if (a instanceof TrackedText x && b instanceof TrackedText y) {
      execution.chargeText(Math.min(x.length(), y.length()));
      return PythonText.compare(x.text(), y.text());
    }
    if (a instanceof List<?> x
        && b instanceof List<?> y
        && typeName(a).equals(typeName(b))
        && !(a instanceof Range)) {
      execution.enter();
      int order = Integer.compare(x.size(), y.size());
      for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
        if (!areEqual(execution, x.get(i), y.get(i))) {
          order = compare(execution, x.get(i), y.get(i));
          break;
        }
      }
      execution.leave();
      return order;
    }
    if (a instanceof Undefined undefined) {
      throw execution.failure(undefined.reason());
    }
    if (b instanceof Undefined undefined) {
      throw execution.failure(undefined.reason());
    }
    throw execution.failure("no order between " + typeName(a) + " and " + typeName(b));
  }

  /** The elements, one by one. */
  static Iterator<Object> iterator(Execution execution, @Nullable Object value) {
    Iterator<?> elements =
        switch (value) {
          case List<?> list -> list.iterator();
          case Map<?, ?> map -> map.keySet().iterator();
          case TrackedText text -> PythonText.characters(execution, text).iterator();
          case Generator generator -> generator.elements();
          case Undefined undefined -> Collections.emptyIterator();
          case Loop loop -> throw execution.failure("'loop' cannot be iterated over");
          case null, default ->
              throw execution.failure("'" + typeName(value) + "' object is not iterable");
        };
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return elements.hasNext();
      }

      @Override
      public Object next() {
        execution.charge(1);
        return elements.next();
      }
    };
  }

  /** All elements. */
  static List<Object> elements(Execution execution, @Nullable Object value) {
    List<Object> elements = new ArrayList<>();
    iterator(execution, value).forEachRemaining(elements::add);
    return elements;
  }

  static boolean isIterable(@Nullable Object value) {
    return value instanceof List
        || value instanceof Map
        || value instanceof TrackedText
        || value instanceof Generator
        || value instanceof Undefined
        || value instanceof Loop;
  }

  static long length(Execution execution, @Nullable Object value) {
    return switch (value) {
      case TrackedText text -> PythonText.length(execution, text);
      case List<?> list -> list.size();
      case Map<?, ?> map -> map.size();
      case Undefined undefined -> 0;
      case Loop loop -> loop.length(execution);
      case null, default ->
          throw execution.failure("object of type '" + typeName(value) + "' has no length");
    };
  }

  /** Python's {@code str()}. */
  static TrackedText text(Execution execution, @Nullable Object value) {
    return switch (value) {
      case TrackedText text -> text;
      case Undefined undefined -> TrackedText.EMPTY;
      case null, default -> TrackedText.data(PythonRepr.of(execution, value));
    };
  }

  /** Checks that a value can be a key of a dict, and brings equal numbers to one form. */
  static @Nullable Object key(Execution execution, @Nullable Object value) {
    boolean hashable =
        switch (value) {
          case Tuple tuple -> {
            execution.enter();
            tuple.forEach(item -> key(execution, item));
            execution.leave();
            yield true;
          }
          case List<?> list -> list instanceof Range;
          case Map<?, ?> map -> false;
          case Namespace namespace -> false;
          case null, default -> true;
        };
    if (!hashable) {
      throw execution.failure("unhashable type: '" + typeName(value) + "'");
    }
    if (value instanceof Double number
        && number == Math.rint(number)
        && Math.abs(number) < 1L << 53) {
      return number.longValue();
    }
    return value;
  }

  static String typeName(@Nullable Object value) {
    return switch (value) {
      case null -> "NoneType";
      case Boolean flag -> "bool";
      case Long number -> "int";
      case BigInteger number -> "int";
      case Double number -> "float";
      case TrackedText text -> "str";
      case Tuple tuple -> "tuple";
      case Range range -> "range";
      case List<?> list -> "list";
      case Map<?, ?> map -> "dict";
      case Undefined undefined -> "Undefined";
      case Namespace namespace -> "Namespace";
      case Generator generator -> "generator";
      case Loop loop -> "LoopContext";
      case Macro macro -> "Macro";
      default -> Objects.requireNonNull(value) instanceof Callable ? "function" : "object";
    };
  }
}
