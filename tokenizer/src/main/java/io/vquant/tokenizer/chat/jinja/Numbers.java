package io.vquant.tokenizer.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/**
 * Python's numbers: integers without bounds (Long where they fit, up to a size limit), floats, and
 * booleans that count as 0 and 1.
 */
final class Numbers {
  /** Python prints no integer beyond 4300 digits. */
  private static final int MAX_BITS = 14_000;

  private Numbers() {}

  static Object normalized(BigInteger value) {
    return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
  }

  static Object bounded(Execution execution, BigInteger value) {
    if (value.bitLength() > MAX_BITS) {
      throw execution.exceeded(
          "an integer of " + value.bitLength() + " bits, at most " + MAX_BITS + " are allowed");
    }
    return normalized(value);
  }

  static boolean isNumber(Object value) {
    return isInteger(value) || value instanceof Double;
  }

  /** Integers and booleans. */
  static boolean isInteger(Object value) {
    return value instanceof Long || value instanceof Boolean || value instanceof BigInteger;
  }

  static BigInteger integer(Object value) {
    return switch (value) {
      case Long number -> BigInteger.valueOf(number);
      case Boolean flag -> flag ? BigInteger.ONE : BigInteger.ZERO;
      case BigInteger number -> number;
      default -> throw new IllegalArgumentException("not an integer: " + value);
    };
  }

  static double real(Execution execution, Object value) {
    double real = value instanceof Double number ? number : integer(value).doubleValue();
    if (Double.isInfinite(real) && !(value instanceof Double)) {
      throw execution.failure("integer too large to convert to float");
    }
    return real;
  }

  static int compare(Object a, Object b) {
    if (a instanceof Long x && b instanceof Long y) {
      return Long.compare(x, y);
    }
    if (isInteger(a) && isInteger(b)) {
      return integer(a).compareTo(integer(b));
    }
    if (isInfinite(a) || isInfinite(b)) {
      return Double.compare(sign(a), sign(b));
    }
    return decimal(a).compareTo(decimal(b));
  }

  static boolean isNaN(Object value) {
    return value instanceof Double number && number.isNaN();
  }

  private static boolean isInfinite(Object value) {
    return value instanceof Double number && number.isInfinite();
  }

  private static double sign(Object value) {
    return isInfinite(value) ? (Double) value : 0;
  }

  private static BigDecimal decimal(Object value) {
    return value instanceof Double number ? new BigDecimal(number) : new BigDecimal(integer(value));
  }

  static Object arithmetic(Execution execution, String operator, Object left, Object right) {
    if (isInteger(left) && isInteger(right) && !operator.equals("/")) {
      return integers(execution, operator, integer(left), integer(right));
    }
    double a = real(execution, left);
    double b = real(execution, right);
    if (b == 0 && (operator.startsWith("/") || operator.equals("%"))) {
      throw execution.failure("division by zero");
    }
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> floorMod(a, b);
      case "**" -> realPower(execution, a, b);
      default -> throw new IllegalArgumentException(operator);
    };
  }

  private static double floorMod(double a, double b) {
    double remainder = a % b;
    if (remainder == 0) {
      return Math.copySign(0, b);
    }
    return remainder < 0 == b < 0 ? remainder : remainder + b;
  }

  private static double realPower(Execution execution, double base, double exponent) {
    double power = Math.pow(base, exponent);
    if (base == 0 && exponent < 0) {
      throw execution.failure("0.0 cannot be raised to a negative power");
    }
    if ((Double.isNaN(power) && !Double.isNaN(base) && !Double.isNaN(exponent))
        || (Double.isInfinite(power) && !Double.isInfinite(base) && !Double.isInfinite(exponent))) {
      throw execution.failure(
          "the power " + repr(base) + " ** " + repr(exponent) + " is no finite real number");
    }
    return power;
  }

  private static Object integers(Execution execution, String operator, BigInteger a, BigInteger b) {
    if (b.signum() == 0 && (operator.equals("//") || operator.equals("%"))) {
      throw execution.failure("integer division or modulo by zero");
    }
    BigInteger result =
        switch (operator) {
          case "+" -> a.add(b);
          case "-" -> a.subtract(b);
          case "*" -> a.multiply(b);
          case "//", "%" -> {
            BigInteger[] parts = a.divideAndRemainder(b);
            boolean floors = parts[1].signum() != 0 && parts[1].signum() != b.signum();
            yield operator.equals("//")
                ? (floors ? parts[0].subtract(BigInteger.ONE) : parts[0])
                : (floors ? parts[1].add(b) : parts[1]);
          }
          case "**" -> {
            if (b.signum() < 0) {
              yield null;
            }
            int baseBits = a.abs().bitLength();
            if (baseBits > 1 && b.compareTo(BigInteger.valueOf(MAX_BITS / (baseBits - 1))) > 0) {
              throw execution.exceeded("an integer power of more than " + MAX_BITS + " bits");
            }
            yield baseBits > 1 ? a.pow(b.intValueExact()) : smallPower(a, b);
          }
          default -> throw new IllegalArgumentException(operator);
        };
    return result == null
        ? (Object)
            realPower(execution, real(execution, normalized(a)), real(execution, normalized(b)))
        : bounded(execution, result);
  }

  /** The power of -1, 0 or 1, whose bit length tells nothing. */
  private static BigInteger smallPower(BigInteger base, BigInteger exponent) {
    int small = exponent.bitLength() > 13 ? 8192 + exponent.intValue() % 2 : exponent.intValue();
    return base.pow(small);
  }

  static Object negated(Execution execution, Object value) {
    return value instanceof Double number
        ? (Object) (-number)
        : bounded(execution, integer(value).negate());
  }

  /**
   * The digits that Python's {@code repr} gives a float: the shortest that read back the same, in
   * exponent form below 1e-4 and from 1e16.
   */
  static String repr(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = shortest(value);
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      return shortest.scale() <= 0
          ? shortest.setScale(1, RoundingMode.UNNECESSARY).toPlainString()
          : shortest.toPlainString();
    }
    String digits = shortest.unscaledValue().abs().toString();
    String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
    return (value < 0 ? "-" : "")
        + digits.charAt(0)
        + fraction
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  private static BigDecimal shortest(double value) {
    BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    // Java gives two digits where one would do, as in 4.9E-324.
    BigDecimal oneDigit = digits.round(new MathContext(1, RoundingMode.HALF_EVEN));
    return oneDigit.doubleValue() == value ? oneDigit.stripTrailingZeros() : digits;
  }

  /** The digits of an integer or the repr of a float. */
  static String shown(Object value) {
    return value instanceof Double number ? repr(number) : integer(value).toString();
  }
}
