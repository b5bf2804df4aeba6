package io.vquant.tokenizer.chat.jinja;

/** Filling text up to a width in code points. */
final class Padding {
  private Padding() {}

  static TrackedText method(
      Execution execution, TrackedText text, Arguments arguments, String name) {
    Arguments.Bound bound = arguments.bind(execution, name, 1, "width", "fillchar");
    TrackedText fill = bound.text(1, TrackedText.trusted(" "));
    if (PythonText.length(execution, fill) != 1) {
      throw execution.failure(name + "() needs a single character to fill with");
    }
    return padded(execution, text, bound.integer(0, 0), fill, name);
  }

  /**
   * @param side {@code ljust} (fill on the right), {@code rjust} or {@code center}
   */
  static TrackedText padded(
      Execution execution, TrackedText text, int width, TrackedText fill, String side) {
    int missing = width - PythonText.length(execution, text);
    if (missing <= 0) {
      return text;
    }
    execution.chargeText((long) text.length() + 2L * missing);
    // Python gives the odd one to the left only where the width is odd too.
    int left =
        switch (side) {
          case "ljust" -> 0;
          case "rjust" -> missing;
          default -> missing / 2 + (missing & width & 1);
        };
    TrackedText.Builder out = new TrackedText.Builder();
    repeat(out, fill, left);
    out.append(text);
    repeat(out, fill, missing - left);
    return out.build();
  }

  private static void repeat(TrackedText.Builder out, TrackedText fill, int count) {
    for (int i = 0; i < count; i++) {
      out.append(fill);
    }
  }

  /** {@code str.zfill}: zeros behind the sign. */
  static TrackedText zeros(Execution execution, TrackedText text, Arguments arguments) {
    int width = arguments.bind(execution, "zfill", 1, "width").integer(0, 0);
    int sign = text.text().startsWith("+") || text.text().startsWith("-") ? 1 : 0;
    TrackedText digits =
        padded(
            execution,
            text.substring(sign),
            Math.max(width, sign) - sign,
            TrackedText.data("0"),
            "rjust");
    return text.substring(0, sign).plus(digits);
  }
}
