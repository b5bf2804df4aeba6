package io.vquant.tokenizer.chat.jinja;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What can stand behind a bar. */
final class Filters {
  /** A filter of a value. */
  @FunctionalInterface
  interface Filter {
    @Nullable Object apply(Execution execution, @Nullable Object value, Arguments arguments);
  }

  private static final Map<String, Filter> TABLE =
      Map.ofEntries(
          Map.entry("abs", NumberFilters::abs),
          Map.entry("float", NumberFilters::toFloat),
          Map.entry("int", NumberFilters::toInteger),
          Map.entry("round", NumberFilters::round),
          Map.entry("sum", NumberFilters::sum),
          Map.entry("batch", SequenceFilters::batch),
          Map.entry("count", SequenceFilters::length),
          Map.entry("length", SequenceFilters::length),
          Map.entry("d", SequenceFilters::orDefault),
          Map.entry("default", SequenceFilters::orDefault),
          Map.entry("first", SequenceFilters::first),
          Map.entry("last", SequenceFilters::last),
          Map.entry("items", SequenceFilters::items),
          Map.entry("list", (run, value, arguments) -> Values.elements(run, value)),
          Map.entry("reverse", SequenceFilters::reverse),
          Map.entry("map", SelectionFilters::map),
          Map.entry(
              "select",
              (run, value, arguments) ->
                  SelectionFilters.select(run, value, arguments, false, true)),
          Map.entry(
              "reject",
              (run, value, arguments) ->
                  SelectionFilters.select(run, value, arguments, false, false)),
          Map.entry(
              "selectattr",
              (run, value, arguments) ->
                  SelectionFilters.select(run, value, arguments, true, true)),
          Map.entry(
              "rejectattr",
              (run, value, arguments) ->
                  SelectionFilters.select(run, value, arguments, true, false)),
          Map.entry("dictsort", OrderFilters::dictsort),
          Map.entry("groupby", OrderFilters::groupBy),
          Map.entry(
              "max", (run, value, arguments) -> OrderFilters.extreme(run, value, arguments, 1)),
          Map.entry(
              "min", (run, value, arguments) -> OrderFilters.extreme(run, value, arguments, -1)),
          Map.entry("sort", OrderFilters::sort),
          Map.entry("unique", OrderFilters::unique),
          Map.entry(
              "capitalize",
              (run, value, arguments) -> PythonText.capitalized(run, Values.text(run, value))),
          Map.entry("center", TextFilters::center),
          Map.entry("e", TextFilters::escape),
          Map.entry("escape", TextFilters::escape),
          Map.entry("format", TextFilters::format),
          Map.entry("indent", TextFilters::indent),
          Map.entry("join", TextFilters::join),
          Map.entry(
              "lower", (run, value, arguments) -> PythonText.lower(run, Values.text(run, value))),
          Map.entry("replace", TextFilters::replace),
          Map.entry("safe", TextFilters::safe),
          Map.entry("string", (run, value, arguments) -> Values.text(run, value)),
          Map.entry("title", TextFilters::title),
          Map.entry("tojson", PythonJson::filter),
          Map.entry("trim", TextFilters::trim),
          Map.entry("truncate", TextFilters::truncate),
          Map.entry(
              "upper", (run, value, arguments) -> PythonText.upper(run, Values.text(run, value))),
          Map.entry("urlencode", TextFilters::urlencode),
          Map.entry("wordcount", TextFilters::wordCount));

  private Filters() {}

  static boolean exists(String name) {
    return TABLE.containsKey(name);
  }

  static @Nullable Object apply(
      Execution execution, String name, @Nullable Object value, Arguments arguments) {
    Filter filter = TABLE.get(name);
    if (filter == null) {
      throw execution.failure(
          "expected a filter of Jinja2 (trim, tojson, selectattr, ...), found '" + name + "'");
    }
    execution.charge(1);
    return filter.apply(execution, value, arguments);
  }
}
