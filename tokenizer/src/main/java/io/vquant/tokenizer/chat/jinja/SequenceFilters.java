package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters of whole lists, dicts and strings. */
final class SequenceFilters {
  private SequenceFilters() {}

  static Object length(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "length", 0);
    return Values.length(execution, value);
  }

  static @Nullable Object orDefault(
      Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "default", 0, "default_value", "boolean");
    boolean missing =
        value instanceof Undefined || (bound.flag(1, false) && !Values.isTrue(execution, value));
    return missing ? bound.get(0, TrackedText.EMPTY) : value;
  }

  static @Nullable Object first(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "first", 0);
    Iterator<Object> elements = Values.iterator(execution, value);
    return elements.hasNext()
        ? elements.next()
        : Undefined.because("No first item, sequence was empty.");
  }

  static @Nullable Object last(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "last", 0);
    if (value instanceof Generator) {
      throw execution.failure(
          "'generator' object is not reversible; expected a list before 'last'");
    }
    if (value instanceof List<?> list) {
      return list.isEmpty()
          ? Undefined.because("No last item, sequence was empty.")
          : list.getLast();
    }
    List<Object> elements = Values.elements(execution, value);
    return elements.isEmpty()
        ? Undefined.because("No last item, sequence was empty.")
        : elements.getLast();
  }

  static Object reverse(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "reverse", 0);
    if (value instanceof TrackedText text) {
      return Attributes.slice(execution, text, null, null, -1L);
    }
    List<Object> elements = Values.elements(execution, value);
    Collections.reverse(elements);
    return new Generator(elements.iterator());
  }

  static Object items(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "items", 0);
    return switch (value) {
      case Map<?, ?> map -> new Generator(Attributes.items(execution, map).iterator());
      case Undefined undefined -> new Generator(Collections.emptyIterator());
      case null, default ->
          throw execution.failure(
              "the filter 'items' needs a mapping, found " + Values.typeName(value));
    };
  }

  static Object batch(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "batch", 1, "linecount", "fill_with");
    int size = bound.integer(0, 0);
    List<Object> batches = new ArrayList<>();
    List<Object> batch = new ArrayList<>();
    for (Object element : Values.elements(execution, value)) {
      if (!batch.isEmpty() && batch.size() == size) {
        batches.add(batch);
        batch = new ArrayList<>();
      }
      batch.add(element);
    }
    if (!batch.isEmpty()) {
      int missing = bound.hasValue(1) ? Math.max(0, size - batch.size()) : 0;
      execution.charge(missing);
      batch.addAll(Collections.nCopies(missing, bound.get(1)));
      batches.add(batch);
    }
    return new Generator(batches.iterator());
  }
}
