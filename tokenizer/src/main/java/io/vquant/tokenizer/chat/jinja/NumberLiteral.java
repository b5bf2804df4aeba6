package io.vquant.tokenizer.chat.jinja;

import java.math.BigInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A number of the template.
 *
 * @param value Long, BigInteger or Double
 * @param end the position behind it
 */
record NumberLiteral(Object value, int end) {
  private static final int MAX_DIGITS = 4000;
  private static final String DIGITS = "[0-9]+(?:_[0-9]+)*+";
  private static final Pattern FLOAT =
      Pattern.compile(
          DIGITS + "(?:(?:\\." + DIGITS + ")?[eE][+-]?" + DIGITS + "|\\." + DIGITS + ")");
  private static final Pattern INTEGER =
      Pattern.compile(
          "0[bB](?:_?[01])++|0[oO](?:_?[0-7])++|0[xX](?:_?[0-9a-fA-F])++|[1-9](?:_?[0-9])*+|0(?:_?0)*+");

  /**
   * @param mayBeFloat false after a dot, where {@code a.0.1} means two subscripts
   */
  static NumberLiteral read(String source, int begin, boolean mayBeFloat) {
    // A number longer than the window is refused by its length, so the window bounds the matcher's
    // recursion.
    int end = Math.min(source.length(), begin + MAX_DIGITS);
    Matcher floating = FLOAT.matcher(source).region(begin, end);
    if (mayBeFloat && floating.lookingAt()) {
      return new NumberLiteral(Double.valueOf(floating.group().replace("_", "")), floating.end());
    }
    Matcher integer = INTEGER.matcher(source).region(begin, end);
    if (!integer.lookingAt()) {
      throw new IllegalStateException("a digit at " + begin + " starts no number");
    }
    String digits = integer.group().replace("_", "");
    int radix =
        digits.length() < 2
            ? 10
            : switch (digits.charAt(1)) {
              case 'b', 'B' -> 2;
              case 'o', 'O' -> 8;
              case 'x', 'X' -> 16;
              default -> 10;
            };
    BigInteger value =
        radix == 10 ? new BigInteger(digits) : new BigInteger(digits.substring(2), radix);
    return new NumberLiteral(Numbers.normalized(value), integer.end());
  }
}
