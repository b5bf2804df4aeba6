package io.vquant.tokenizer.chat.jinja;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * {@code str.format}: fields by position or name, with {@code !r} and {@code !s} and format
 * specifications; no attributes or items of fields.
 */
final class BraceFormat {
  private static final Pattern FIELD =
      Pattern.compile("\\{([^{}!:]*+)(?:!([rsa]))?(?::([^{}]*+))?\\}");
  private static final Pattern SPECIFICATION =
      Pattern.compile(
          "(?:(.)?([<>^=]))?([-+ ]?)(0?)([0-9]{0,9})(,?)(?:\\.([0-9]{1,9}))?([a-zA-Z%]?)",
          Pattern.DOTALL);

  private BraceFormat() {}

  static TrackedText format(Execution execution, TrackedText format, Arguments arguments) {
    execution.chargeText(format.length());
    String chars = format.text();
    TrackedText.Builder out = new TrackedText.Builder();
    Matcher field = FIELD.matcher(chars);
    int numAutomatic = 0;
    for (int i = 0; i < chars.length(); ) {
      char c = chars.charAt(i);
      if (c != '{' && c != '}') {
        out.append(format, i, ++i);
      } else if (i + 1 < chars.length() && chars.charAt(i + 1) == c) {
        out.append(format, i, i + 1);
        i += 2;
      } else if (c == '{' && field.region(i, chars.length()).lookingAt()) {
        String name = field.group(1).isEmpty() ? String.valueOf(numAutomatic++) : field.group(1);
        Object value = value(execution, name, arguments);
        if (field.group(2) != null && !field.group(2).equals("s")) {
          value = TrackedText.data(PythonRepr.of(execution, value));
        } else if (field.group(2) != null) {
          value = Values.text(execution, value);
        }
        StringMethods.append(execution, out, specified(execution, value, field.group(3)));
        i = field.end();
      } else {
        throw execution.failure(
            "format(): expected a field '{name}' at '"
                + chars.substring(i, Math.min(i + 20, chars.length()))
                + "'");
      }
    }
    return out.build();
  }

  private static @Nullable Object value(Execution execution, String name, Arguments arguments) {
    if (!name.isEmpty() && name.length() < 6 && name.chars().allMatch(c -> c >= '0' && c <= '9')) {
      int index = Integer.parseInt(name);
      if (index < arguments.positional().size()) {
        return arguments.positional().get(index);
      }
    } else if (arguments.keywords().containsKey(name)) {
      return arguments.keywords().get(name);
    }
    throw execution.failure("format(): no value for the field '" + name + "'");
  }

  private static TrackedText specified(
      Execution execution, @Nullable Object value, @Nullable String specification) {
    if (specification == null || specification.isEmpty()) {
      return Values.text(execution, value);
    }
    Matcher spec = SPECIFICATION.matcher(specification);
    boolean isNumber = Numbers.isNumber(value) && !(value instanceof Boolean);
    if (!spec.matches() || (!isNumber && !(value instanceof TrackedText))) {
      throw execution.failure(
          "format(): '" + specification + "' is not possible for " + Values.typeName(value));
    }
    int width = spec.group(5).isEmpty() ? 0 : Integer.parseInt(spec.group(5));
    int precision = spec.group(7) == null ? -1 : Integer.parseInt(spec.group(7));
    execution.chargeText(width);
    boolean zeros = !spec.group(4).isEmpty() && spec.group(2) == null;
    String align = spec.group(2) != null ? spec.group(2) : isNumber ? ">" : "<";
    TrackedText fill = TrackedText.data(spec.group(1) != null ? spec.group(1) : zeros ? "0" : " ");
    String side = align.equals("<") ? "ljust" : align.equals("^") ? "center" : "rjust";
    if (value instanceof TrackedText text) {
      if (!spec.group(8).isEmpty() && !spec.group(8).equals("s")) {
        throw execution.failure("format(): '" + specification + "' is not possible for str");
      }
      boolean cut = precision >= 0 && precision < PythonText.length(execution, text);
      return Padding.padded(
          execution,
          cut ? text.substring(0, PythonText.offset(text, precision)) : text,
          width,
          fill,
          side);
    }
    String sign =
        NumberFormat.isNegative(value) ? "-" : spec.group(3).equals("-") ? "" : spec.group(3);
    String digits = digits(execution, value, spec.group(8), precision);
    if (!spec.group(6).isEmpty()) {
      digits = grouped(digits);
    }
    if (zeros || align.equals("=")) {
      return TrackedText.data(sign)
          .plus(
              Padding.padded(
                  execution, TrackedText.data(digits), width - sign.length(), fill, "rjust"));
    }
    return Padding.padded(execution, TrackedText.data(sign + digits), width, fill, side);
  }

  private static String digits(Execution execution, Object number, String type, int precision) {
    if (type.equals("%")) {
      return NumberFormat.digits(execution, 100 * Numbers.real(execution, number), 'f', precision)
          + "%";
    }
    if (!type.isEmpty()) {
      return NumberFormat.digits(execution, number, type.charAt(0), precision);
    }
    if (precision >= 0) {
      return NumberFormat.digits(execution, number, 'g', precision);
    }
    String shown = Numbers.shown(number);
    return shown.startsWith("-") ? shown.substring(1) : shown;
  }

  /** Commas between the thousands before the point. */
  private static String grouped(String digits) {
    int end = 0;
    while (end < digits.length() && digits.charAt(end) >= '0' && digits.charAt(end) <= '9') {
      end++;
    }
    StringBuilder grouped = new StringBuilder(digits);
    for (int i = end - 3; i > 0; i -= 3) {
      grouped.insert(i, ',');
    }
    return grouped.toString();
  }
}
