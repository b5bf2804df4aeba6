package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Filters that order elements or tell them apart; text without regard to case unless asked. */
final class OrderFilters {
  /** An element with what it is ordered by. */
  private record Keyed(@Nullable Object key, @Nullable Object element) {}

  private OrderFilters() {}

  private static List<Keyed> keyed(
      Execution execution,
      @Nullable Object value,
      @Nullable Object attribute,
      @Nullable Object fallback,
      boolean caseSensitive) {
    List<Keyed> keyed = new ArrayList<>();
    for (Object element : Values.elements(execution, value)) {
      Object key = attribute == null ? element : keys(execution, element, attribute);
      if (fallback != null && key instanceof Undefined) {
        key = fallback;
      }
      keyed.add(new Keyed(caseSensitive ? key : folded(execution, key), element));
    }
    return keyed;
  }

  /** One key, or for {@code "a,b"} several. */
  private static @Nullable Object keys(
      Execution execution, @Nullable Object element, Object attribute) {
    if (!(attribute instanceof TrackedText text) || text.text().indexOf(',') < 0) {
      return SelectionFilters.path(execution, element, attribute);
    }
    List<Object> keys = new ArrayList<>();
    int begin = 0;
    for (int comma = 0; comma >= 0; begin = comma + 1) {
      comma = text.text().indexOf(',', begin);
      TrackedText part = text.substring(begin, comma < 0 ? text.length() : comma);
      keys.add(folded(execution, SelectionFilters.path(execution, element, part)));
    }
    return Tuple.copyOf(keys);
  }

  private static @Nullable Object folded(Execution execution, @Nullable Object key) {
    return key instanceof TrackedText text ? PythonText.lower(execution, text) : key;
  }

  private static List<Object> sorted(Execution execution, List<Keyed> keyed, boolean reverse) {
    Comparator<Keyed> order = (a, b) -> Values.compare(execution, a.key(), b.key());
    keyed.sort(reverse ? order.reversed() : order);
    List<Object> elements = new ArrayList<>(keyed.size());
    keyed.forEach(each -> elements.add(each.element()));
    return elements;
  }

  static Object sort(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(execution, "sort", 0, "reverse", "case_sensitive", "attribute");
    return sorted(
        execution,
        keyed(execution, value, bound.get(2), null, bound.flag(1, false)),
        bound.flag(0, false));
  }

  static Object dictsort(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(execution, "dictsort", 0, "case_sensitive", "by", "reverse");
    if (!(value instanceof Map<?, ?> map)) {
      throw execution.failure(
          value instanceof Undefined undefined
              ? undefined.reason()
              : "dictsort() needs a mapping, found " + Values.typeName(value));
    }
    String by = bound.text(1, TrackedText.trusted("key")).text();
    if (!by.equals("key") && !by.equals("value")) {
      throw execution.failure("dictsort() expects key or value as 'by', found '" + by + "'");
    }
    List<Object> items = Attributes.items(execution, map);
    return sorted(
        execution,
        keyed(execution, items, by.equals("key") ? 0L : 1L, null, bound.flag(0, false)),
        bound.flag(2, false));
  }

  static Object unique(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "unique", 0, "case_sensitive", "attribute");
    Set<Object> seen = new HashSet<>();
    List<Object> unique = new ArrayList<>();
    for (Keyed each : keyed(execution, value, bound.get(1), null, bound.flag(0, false))) {
      if (seen.add(Values.key(execution, each.key()))) {
        unique.add(each.element());
      }
    }
    return new Generator(unique.iterator());
  }

  /**
   * @param sign 1 for the greatest element, -1 for the least
   */
  static @Nullable Object extreme(
      Execution execution, @Nullable Object value, Arguments arguments, int sign) {
    Arguments.Bound bound =
        arguments.bind(execution, sign > 0 ? "max" : "min", 0, "case_sensitive", "attribute");
    Keyed best = null;
    for (Keyed each : keyed(execution, value, bound.get(1), null, bound.flag(0, false))) {
      if (best == null || sign * Values.compare(execution, each.key(), best.key()) > 0) {
        best = each;
      }
    }
    return best == null
        ? Undefined.because("No aggregated item, sequence was empty.")
        : best.element();
  }

  /** Pairs of a key and the elements that have it, by rising keys. */
  static Object groupBy(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound =
        arguments.bind(execution, "groupby", 1, "attribute", "default", "case_sensitive");
    List<Keyed> keyed = keyed(execution, value, bound.get(0), bound.get(1), bound.flag(2, false));
    keyed.sort((a, b) -> Values.compare(execution, a.key(), b.key()));
    List<Object> groups = new ArrayList<>();
    int begin = 0;
    for (int i = 1; i <= keyed.size(); i++) {
      if (i == keyed.size()
          || !Values.areEqual(execution, keyed.get(begin).key(), keyed.get(i).key())) {
        List<Object> members = new ArrayList<>();
        keyed.subList(begin, i).forEach(each -> members.add(each.element()));
        Object shown = keys(execution, members.getFirst(), bound.get(0));
        groups.add(
            Tuple.of(
                shown instanceof Undefined && bound.has(1) ? bound.get(1) : shown,
                Collections.unmodifiableList(members)));
        begin = i;
      }
    }
    return groups;
  }
}
