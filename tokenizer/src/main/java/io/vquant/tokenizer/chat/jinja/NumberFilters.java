package io.vquant.tokenizer.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Filters that give numbers. */
final class NumberFilters {
  private static final Pattern FLOAT =
      Pattern.compile("[+-]?(?:[0-9]++(?:\\.[0-9]*+)?|\\.[0-9]++)(?:[eE][+-]?[0-9]++)?");
  private static final int MAX_DIGITS = 4000;

  private NumberFilters() {}

  static Object abs(Execution execution, @Nullable Object value, Arguments arguments) {
    arguments.bind(execution, "abs", 0);
    requireNumber(execution, value, "abs");
    return value instanceof Double number
        ? (Object) Math.abs(number)
        : Numbers.bounded(execution, Numbers.integer(value).abs());
  }

  private static void requireNumber(Execution execution, @Nullable Object value, String filter) {
    if (value instanceof Undefined undefined) {
      throw execution.failure(undefined.reason());
    }
    if (!Numbers.isNumber(value)) {
      throw execution.failure(
          "the filter '" + filter + "' needs a number, found " + Values.typeName(value));
    }
  }

  static @Nullable Object toInteger(
      Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "int", 0, "default", "base");
    Object fallback = bound.get(0, 0L);
    if (value instanceof Undefined undefined) {
      throw execution.failure(undefined.reason());
    }
    if (value instanceof TrackedText text) {
      execution.chargeText(text.length());
      int base = bound.integer(1, 10);
      BigInteger integer =
          base < 2 || base > 36
              ? null
              : StringMethods.parsedInteger(withoutPrefix(text.text(), base), base);
      if (integer != null) {
        return Numbers.bounded(execution, integer);
      }
    } else if (Numbers.isInteger(value)) {
      return Numbers.normalized(Numbers.integer(value));
    }
    Double real = parsedFloat(value);
    if (real == null || real.isNaN()) {
      return fallback;
    }
    if (real.isInfinite()) {
      throw execution.failure("cannot convert float infinity to integer");
    }
    return Numbers.bounded(execution, new BigDecimal(real).toBigInteger());
  }

  /** For the bases 2, 8 and 16 without 0b, 0o or 0x. */
  private static String withoutPrefix(String text, int base) {
    String digits = text.strip();
    String prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : null;
    return prefix != null && digits.regionMatches(true, 0, prefix, 0, 2)
        ? digits.substring(2)
        : digits;
  }

  static @Nullable Object toFloat(
      Execution execution, @Nullable Object value, Arguments arguments) {
    Object fallback = arguments.bind(execution, "float", 0, "default").get(0, 0.0);
    if (value instanceof Undefined undefined) {
      throw execution.failure(undefined.reason());
    }
    Double real =
        Numbers.isInteger(value) ? (Double) Numbers.real(execution, value) : parsedFloat(value);
    return real == null ? fallback : real;
  }

  private static @Nullable Double parsedFloat(@Nullable Object value) {
    if (value instanceof Double real) {
      return real;
    }
    if (!(value instanceof TrackedText text) || text.length() > MAX_DIGITS) {
      return null;
    }
    String digits = PythonText.strip(text).text().replace("_", "");
    String lower = digits.toLowerCase(Locale.ROOT);
    return switch (lower.startsWith("+") || lower.startsWith("-") ? lower.substring(1) : lower) {
      case "nan" -> Double.NaN;
      case "inf", "infinity" ->
          lower.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
      default -> FLOAT.matcher(digits).matches() ? Double.valueOf(digits) : null;
    };
  }

  static Object round(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "round", 0, "precision", "method");
    requireNumber(execution, value, "round");
    int precision = Math.clamp(bound.integer(0, 0), -400, 400);
    String method = bound.text(1, TrackedText.trusted("common")).text();
    RoundingMode mode =
        switch (method) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default ->
              throw execution.failure(
                  "round() expects common, ceil or floor as 'method', found '" + method + "'");
        };
    if (value instanceof Double real) {
      if (real.isNaN() || real.isInfinite()) {
        return real;
      }
      return mode == RoundingMode.HALF_EVEN
          ? new BigDecimal(real).setScale(precision, mode).doubleValue()
          : scaled(real, precision, mode);
    }
    if (mode == RoundingMode.HALF_EVEN) {
      BigDecimal rounded =
          new BigDecimal(Numbers.integer(value)).setScale(Math.min(precision, 0), mode);
      return Numbers.bounded(execution, rounded.toBigIntegerExact());
    }
    return scaled(Numbers.real(execution, value), precision, mode);
  }

  /** As Jinja2 computes it: {@code floor(value * 10**precision) / 10**precision}. */
  private static double scaled(double value, int precision, RoundingMode mode) {
    double power = Math.pow(10, precision);
    double whole =
        mode == RoundingMode.FLOOR ? Math.floor(value * power) : Math.ceil(value * power);
    return whole / power;
  }

  static @Nullable Object sum(Execution execution, @Nullable Object value, Arguments arguments) {
    Arguments.Bound bound = arguments.bind(execution, "sum", 0, "attribute", "start");
    List<Object> elements = Values.elements(execution, value);
    Object sum = bound.get(1, 0L);
    for (Object element : elements) {
      Object addend =
          bound.hasValue(0) ? SelectionFilters.path(execution, element, bound.get(0)) : element;
      sum = Operators.arithmetic(execution, "+", sum, addend);
    }
    return sum;
  }
}
