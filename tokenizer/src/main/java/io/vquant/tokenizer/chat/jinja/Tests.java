package io.vquant.tokenizer.chat.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What can stand behind {@code is}. */
final class Tests {
  /** A test of a value. */
  @FunctionalInterface
  interface Test {
    boolean holds(Execution execution, @Nullable Object value, Arguments arguments);
  }

  private static final Map<String, Test> TABLE =
      Map.ofEntries(
          Map.entry("defined", (run, value, arguments) -> !(value instanceof Undefined)),
          Map.entry("undefined", (run, value, arguments) -> value instanceof Undefined),
          Map.entry("none", (run, value, arguments) -> value == null),
          Map.entry("boolean", (run, value, arguments) -> value instanceof Boolean),
          Map.entry("true", (run, value, arguments) -> value instanceof Boolean flag && flag),
          Map.entry("false", (run, value, arguments) -> value instanceof Boolean flag && !flag),
          Map.entry(
              "integer",
              (run, value, arguments) -> Numbers.isInteger(value) && !(value instanceof Boolean)),
          Map.entry("float", (run, value, arguments) -> value instanceof Double),
          Map.entry("number", (run, value, arguments) -> Numbers.isNumber(value)),
          Map.entry("string", (run, value, arguments) -> value instanceof TrackedText),
          Map.entry("mapping", (run, value, arguments) -> value instanceof Map),
          Map.entry(
              "sequence",
              (run, value, arguments) ->
                  value instanceof List
                      || value instanceof Map
                      || value instanceof TrackedText
                      || value instanceof Undefined),
          Map.entry("iterable", (run, value, arguments) -> Values.isIterable(value)),
          Map.entry(
              "callable",
              (run, value, arguments) -> value instanceof Callable || value instanceof Undefined),
          Map.entry("odd", (run, value, arguments) -> remainder(run, value, 2L) == 1),
          Map.entry("even", (run, value, arguments) -> remainder(run, value, 2L) == 0),
          Map.entry(
              "divisibleby",
              (run, value, arguments) -> remainder(run, value, other(run, arguments)) == 0),
          Map.entry(
              "lower",
              (run, value, arguments) -> StringMethods.isCase(run, Values.text(run, value), false)),
          Map.entry(
              "upper",
              (run, value, arguments) -> StringMethods.isCase(run, Values.text(run, value), true)),
          Map.entry("sameas", (run, value, arguments) -> isSame(value, other(run, arguments))),
          Map.entry("escaped", (run, value, arguments) -> false),
          Map.entry(
              "filter",
              (run, value, arguments) ->
                  value instanceof TrackedText name && Filters.exists(name.text())),
          Map.entry(
              "test",
              (run, value, arguments) -> value instanceof TrackedText name && exists(name.text())),
          Map.entry("in", comparison("in")),
          Map.entry("eq", comparison("==")),
          Map.entry("equalto", comparison("==")),
          Map.entry("==", comparison("==")),
          Map.entry("ne", comparison("!=")),
          Map.entry("!=", comparison("!=")),
          Map.entry("lt", comparison("<")),
          Map.entry("lessthan", comparison("<")),
          Map.entry("<", comparison("<")),
          Map.entry("le", comparison("<=")),
          Map.entry("<=", comparison("<=")),
          Map.entry("gt", comparison(">")),
          Map.entry("greaterthan", comparison(">")),
          Map.entry(">", comparison(">")),
          Map.entry("ge", comparison(">=")),
          Map.entry(">=", comparison(">=")));

  private Tests() {}

  static boolean exists(String name) {
    return TABLE.containsKey(name);
  }

  static boolean apply(
      Execution execution, String name, @Nullable Object value, Arguments arguments) {
    Test test = TABLE.get(name);
    if (test == null) {
      throw execution.failure(
          "expected a test of Jinja2 (defined, string, mapping, ...), found '" + name + "'");
    }
    execution.charge(1);
    return test.holds(execution, value, arguments);
  }

  private static Test comparison(String operator) {
    return (execution, value, arguments) ->
        Operators.compare(execution, operator, value, other(execution, arguments));
  }

  private static @Nullable Object other(Execution execution, Arguments arguments) {
    return arguments.bind(execution, "test", 1, "other").get(0);
  }

  private static long remainder(
      Execution execution, @Nullable Object value, @Nullable Object divisor) {
    Object remainder = Operators.arithmetic(execution, "%", value, divisor);
    if (!Numbers.isNumber(remainder)) {
      throw execution.failure("expected a number to test, found " + Values.typeName(value));
    }
    return Numbers.compare(remainder, 0L) == 0 ? 0 : Numbers.compare(remainder, 1L) == 0 ? 1 : -1;
  }

  /** Python's {@code is}: identity, which equal strings, small numbers and booleans share. */
  private static boolean isSame(@Nullable Object a, @Nullable Object b) {
    return Values.isIdentical(a, b)
        || (a instanceof Boolean && a.equals(b))
        || (a instanceof Long && a.equals(b))
        || (a instanceof TrackedText && a.equals(b));
  }
}
