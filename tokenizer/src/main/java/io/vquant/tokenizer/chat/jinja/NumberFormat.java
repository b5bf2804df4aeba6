package io.vquant.tokenizer.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** The digits of a number in the presentation types that Python's two ways of formatting share. */
final class NumberFormat {
  private static final int DEFAULT_PRECISION = 6;
  private static final int MAX_PRECISION = 1000;

  private NumberFormat() {}

  /**
   * The digits of the absolute value.
   *
   * @param precision digits behind the point (type g: all digits), negative for the default
   */
  static String digits(Execution execution, Object number, char type, int precision) {
    if (precision > MAX_PRECISION) {
      throw execution.exceeded(
          "a number with " + precision + " digits, at most " + MAX_PRECISION + " are allowed");
    }
    return switch (type) {
      case 'd', 'i', 'u' -> whole(execution, number).toString();
      case 'x' -> whole(execution, number).toString(16);
      case 'X' -> whole(execution, number).toString(16).toUpperCase(Locale.ROOT);
      case 'o' -> whole(execution, number).toString(8);
      case 'b' -> whole(execution, number).toString(2);
      default ->
          real(
              execution,
              Math.abs(Numbers.real(execution, number)),
              type,
              precision < 0 ? DEFAULT_PRECISION : precision);
    };
  }

  static boolean isNegative(Object number) {
    return number instanceof Double real
        ? real < 0 || 1 / real < 0
        : Numbers.integer(number).signum() < 0;
  }

  private static BigInteger whole(Execution execution, Object number) {
    if (number instanceof Double real) {
      if (real.isNaN() || real.isInfinite()) {
        throw execution.failure("cannot convert float " + Numbers.repr(real) + " to integer");
      }
      return new BigDecimal(real).toBigInteger().abs();
    }
    return Numbers.integer(number).abs();
  }

  private static String real(Execution execution, double value, char type, int precision) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return Numbers.repr(value);
    }
    String digits =
        switch (type) {
          case 'f', 'F' ->
              new BigDecimal(value).setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
          case 'e', 'E' -> scientific(value, precision);
          case 'g', 'G' -> general(value, Math.max(precision, 1));
          default -> throw execution.failure("unknown format '" + type + "' for a number");
        };
    return Character.isUpperCase(type) ? digits.toUpperCase(Locale.ROOT) : digits;
  }

  private static int exponent(BigDecimal value) {
    return value.signum() == 0 ? 0 : value.precision() - value.scale() - 1;
  }

  private static BigDecimal rounded(double value, int numDigits) {
    return new BigDecimal(value).round(new MathContext(numDigits, RoundingMode.HALF_EVEN));
  }

  private static String scientific(double value, int precision) {
    BigDecimal rounded = rounded(value, precision + 1);
    int exponent = exponent(rounded);
    String mantissa =
        rounded.movePointLeft(exponent).setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
    return mantissa + (exponent < 0 ? "e-" : "e+") + "%02d".formatted(Math.abs(exponent));
  }

  private static String general(double value, int numDigits) {
    BigDecimal rounded = rounded(value, numDigits);
    int exponent = exponent(rounded);
    BigDecimal stripped = rounded.signum() == 0 ? BigDecimal.ZERO : rounded.stripTrailingZeros();
    if (exponent >= -4 && exponent < numDigits) {
      return stripped.toPlainString();
    }
    return stripped.movePointLeft(exponent).toPlainString()
        + (exponent < 0 ? "e-" : "e+")
        + "%02d".formatted(Math.abs(exponent));
  }
}
