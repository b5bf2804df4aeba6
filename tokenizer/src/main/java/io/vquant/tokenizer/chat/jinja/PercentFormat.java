package io.vquant.tokenizer.chat.jinja;

import java.util.Iterator;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** {@code format % values}. Text of the format and inserted strings keep their provenance. */
final class PercentFormat {
  private static final Pattern FIELD =
      Pattern.compile(
          "%(?:\\(([^)]*+)\\))?([-+ #0]*+)([0-9]{0,9})(?:\\.([0-9]{0,9}))?[hlL]?(.)",
          Pattern.DOTALL);

  private PercentFormat() {}

  static TrackedText format(Execution execution, TrackedText format, @Nullable Object values) {
    execution.chargeText(format.length());
    Iterator<Object> positional =
        (values instanceof Tuple tuple ? tuple : Tuple.of(values)).iterator();
    TrackedText.Builder out = new TrackedText.Builder();
    Matcher field = FIELD.matcher(format.text());
    int copied = 0;
    for (int percent = format.text().indexOf('%');
        percent >= 0;
        percent = format.text().indexOf('%', copied)) {
      if (!field.region(percent, format.length()).lookingAt()) {
        throw execution.failure("'%' formatting: an incomplete field at the end of the format");
      }
      out.append(format, copied, percent);
      copied = field.end();
      if (field.group(5).equals("%")) {
        out.append(format, copied - 1, copied);
      } else {
        Object value = value(execution, field.group(1), positional, values);
        StringMethods.append(execution, out, field(execution, field, value));
      }
    }
    if ((positional.hasNext() && values instanceof Tuple)
        || (positional.hasNext() && !(values instanceof Map))) {
      throw execution.failure("'%' formatting: not all values were used");
    }
    return out.append(format, copied, format.length()).build();
  }

  private static @Nullable Object value(
      Execution execution,
      @Nullable String key,
      Iterator<Object> positional,
      @Nullable Object values) {
    if (key != null) {
      TrackedText name = TrackedText.trusted(key);
      if (!(values instanceof Map<?, ?> map) || !map.containsKey(name)) {
        throw execution.failure("'%' formatting: no value for '" + key + "'");
      }
      return map.get(name);
    }
    if (!positional.hasNext()) {
      throw execution.failure("'%' formatting: more fields than values");
    }
    return positional.next();
  }

  private static TrackedText field(Execution execution, Matcher field, @Nullable Object value) {
    String flags = field.group(2);
    int width = field.group(3).isEmpty() ? 0 : Integer.parseInt(field.group(3));
    int precision =
        field.group(4) == null
            ? -1
            : field.group(4).isEmpty() ? 0 : Integer.parseInt(field.group(4));
    char type = field.group(5).charAt(0);
    execution.chargeText(width);
    String side = flags.contains("-") ? "ljust" : "rjust";
    if (type == 's' || type == 'r' || type == 'a') {
      TrackedText text =
          type == 's'
              ? Values.text(execution, value)
              : TrackedText.data(PythonRepr.of(execution, value));
      if (precision >= 0 && precision < PythonText.length(execution, text)) {
        text = text.substring(0, PythonText.offset(text, precision));
      }
      return Padding.padded(execution, text, width, TrackedText.data(" "), side);
    }
    if (type == 'c'
        && value instanceof TrackedText text
        && PythonText.length(execution, text) == 1) {
      return Padding.padded(execution, text, width, TrackedText.data(" "), side);
    }
    if (!Numbers.isNumber(value) || "diuxXofFeEgG".indexOf(type) < 0) {
      throw execution.failure(
          "'%' formatting: '" + field.group() + "' is not possible for " + Values.typeName(value));
    }
    String sign =
        NumberFormat.isNegative(value)
            ? "-"
            : flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
    String prefix =
        flags.contains("#") && (type == 'x' || type == 'X' || type == 'o') ? "0" + type : "";
    String digits = NumberFormat.digits(execution, value, type, precision);
    if (flags.contains("0") && !flags.contains("-")) {
      digits =
          "0".repeat(Math.max(0, width - sign.length() - prefix.length() - digits.length()))
              + digits;
    }
    return Padding.padded(
        execution, TrackedText.data(sign + prefix + digits), width, TrackedText.data(" "), side);
  }
}
