package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Filters that apply a filter or a test to each element; as in Jinja2, None and all else that is
 * false has no elements.
 */
final class SelectionFilters {
  private SelectionFilters() {}

  /** Follows {@code "a.b.0"} or an index from an element, items before attributes. */
  static @Nullable Object path(
      Execution execution, @Nullable Object element, @Nullable Object path) {
    return path(execution, element, path, null);
  }

  private static @Nullable Object path(
      Execution execution,
      @Nullable Object element,
      @Nullable Object path,
      @Nullable Object fallback) {
    if (!(path instanceof TrackedText text)) {
      return Attributes.item(execution, element, path);
    }
    Object value = element;
    int begin = 0;
    while (begin <= text.length()) {
      int dot = text.text().indexOf('.', begin);
      int end = dot < 0 ? text.length() : dot;
      String part = text.text().substring(begin, end);
      execution.charge(1);
      boolean isIndex =
          !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
      value =
          Attributes.item(
              execution, value, isIndex ? (Object) Long.valueOf(part) : TrackedText.trusted(part));
      if (fallback != null && value instanceof Undefined) {
        value = fallback;
      }
      begin = end + 1;
    }
    return value;
  }

  /** {@code map('filter', arguments...)} or {@code map(attribute=, default=)}. */
  static Object map(Execution execution, @Nullable Object value, Arguments arguments) {
    if (!Values.isTrue(execution, value)) {
      return new Generator(Collections.emptyIterator());
    }
    List<Object> mapped = new ArrayList<>();
    List<Object> positional = arguments.positional();
    if (positional.isEmpty()) {
      Arguments.Bound bound = arguments.bind(execution, "map", 0, "attribute", "default");
      if (!bound.has(0)) {
        throw execution.failure("map() needs the name of a filter or an attribute");
      }
      for (Object element : Values.elements(execution, value)) {
        mapped.add(path(execution, element, bound.get(0), bound.get(1)));
      }
    } else {
      String filter = name(execution, positional.getFirst(), "map");
      Arguments rest =
          new Arguments(positional.subList(1, positional.size()), arguments.keywords());
      for (Object element : Values.elements(execution, value)) {
        mapped.add(nested(execution, filter, element, rest));
      }
    }
    return new Generator(mapped.iterator());
  }

  /** A filter by name can name 'map' again: that is one level deeper. */
  private static @Nullable Object nested(
      Execution execution, String filter, @Nullable Object element, Arguments arguments) {
    execution.enter();
    Object result = Filters.apply(execution, filter, element, arguments);
    execution.leave();
    return result;
  }

  /**
   * @param byAttribute whether the first argument names what the test looks at
   * @param keeps whether to keep the elements that pass, else those that fail
   */
  static Object select(
      Execution execution,
      @Nullable Object value,
      Arguments arguments,
      boolean byAttribute,
      boolean keeps) {
    if (!Values.isTrue(execution, value)) {
      return new Generator(Collections.emptyIterator());
    }
    List<Object> positional = arguments.positional();
    int numNames = byAttribute ? 1 : 0;
    if (positional.size() < numNames) {
      throw execution.failure("expected the name of an attribute to select by");
    }
    boolean hasTest = positional.size() > numNames;
    String test = hasTest ? name(execution, positional.get(numNames), "select") : null;
    Arguments rest =
        hasTest
            ? new Arguments(
                positional.subList(numNames + 1, positional.size()), arguments.keywords())
            : Arguments.NONE;
    List<Object> selected = new ArrayList<>();
    for (Object element : Values.elements(execution, value)) {
      Object tested = byAttribute ? path(execution, element, positional.getFirst()) : element;
      boolean passes =
          test == null
              ? Values.isTrue(execution, tested)
              : Tests.apply(execution, test, tested, rest);
      if (passes == keeps) {
        selected.add(element);
      }
    }
    return new Generator(selected.iterator());
  }

  private static String name(Execution execution, @Nullable Object name, String filter) {
    if (name instanceof TrackedText text) {
      return text.text();
    }
    throw execution.failure(
        filter + "() expects a name in a string, found " + Values.typeName(name));
  }
}
