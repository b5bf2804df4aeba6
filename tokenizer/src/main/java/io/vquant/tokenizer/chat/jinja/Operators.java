package io.vquant.tokenizer.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Arithmetic and comparison between values of any type. */
final class Operators {
  private Operators() {}

  static Object arithmetic(
      Execution execution, String operator, @Nullable Object left, @Nullable Object right) {
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.arithmetic(execution, operator, left, right);
    }
    if (operator.equals("%") && left instanceof TrackedText format) {
      return PercentFormat.format(execution, format, right);
    }
    if (operator.equals("+")) {
      if (left instanceof TrackedText a && right instanceof TrackedText b) {
        return joined(execution, a, b);
      }
      if (left instanceof List<?> a
          && right instanceof List<?> b
          && Values.typeName(a).equals(Values.typeName(b))
          && !(a instanceof Range)) {
        execution.charge((long) a.size() + b.size());
        List<Object> all = new ArrayList<>(a.size() + b.size());
        all.addAll(a);
        all.addAll(b);
        return a instanceof Tuple ? Tuple.copyOf(all) : all;
      }
    }
    if (operator.equals("*") && Numbers.isInteger(left) != Numbers.isInteger(right)) {
      Object sequence = Numbers.isInteger(left) ? right : left;
      Object count = Numbers.isInteger(left) ? left : right;
      if (sequence instanceof TrackedText
          || (sequence instanceof List && !(sequence instanceof Range))) {
        return repeated(execution, sequence, Numbers.integer(count).max(BigInteger.ZERO));
      }
    }
    for (Object operand : new Object[] {left, right}) {
      if (operand instanceof Undefined undefined) {
        throw execution.failure(undefined.reason());
      }
    }
    throw execution.failure(
        "'"
            + operator
            + "' is not possible between "
            + Values.typeName(left)
            + " and "
            + Values.typeName(right));
  }

  /** Text marked as safe HTML makes the text that it is joined with HTML too. */
  private static TrackedText joined(Execution execution, TrackedText left, TrackedText right) {
    boolean isMarkup = left.isMarkup() || right.isMarkup();
    TrackedText a = isMarkup ? TextFilters.escaped(execution, left) : left;
    TrackedText b = isMarkup ? TextFilters.escaped(execution, right) : right;
    execution.chargeText((long) a.length() + b.length());
    return isMarkup ? a.plus(b).asMarkup() : a.plus(b);
  }

  private static Object repeated(Execution execution, Object sequence, BigInteger times) {
    int count = times.bitLength() < 31 ? times.intValue() : Integer.MAX_VALUE;
    if (sequence instanceof TrackedText text) {
      execution.chargeText((long) text.length() * count);
      TrackedText.Builder repeated = new TrackedText.Builder();
      for (int i = 0; i < count && !text.isEmpty(); i++) {
        repeated.append(text);
      }
      return repeated.build();
    }
    List<?> list = (List<?>) sequence;
    execution.charge((long) list.size() * count);
    List<Object> repeated = new ArrayList<>();
    for (int i = 0; i < count && !list.isEmpty(); i++) {
      repeated.addAll(list);
    }
    return list instanceof Tuple ? Tuple.copyOf(repeated) : repeated;
  }

  static boolean compare(
      Execution execution, String operator, @Nullable Object left, @Nullable Object right) {
    boolean unordered =
        (Numbers.isNaN(left) && Numbers.isNumber(right))
            || (Numbers.isNaN(right) && Numbers.isNumber(left));
    return switch (operator) {
      case "==" -> Values.areEqual(execution, left, right);
      case "!=" -> !Values.areEqual(execution, left, right);
      case "in" -> contains(execution, right, left);
      case "not in" -> !contains(execution, right, left);
      case "<" -> !unordered && Values.compare(execution, left, right) < 0;
      case "<=" -> !unordered && Values.compare(execution, left, right) <= 0;
      case ">" -> !unordered && Values.compare(execution, left, right) > 0;
      case ">=" -> !unordered && Values.compare(execution, left, right) >= 0;
      default -> throw new IllegalArgumentException(operator);
    };
  }

  static boolean contains(
      Execution execution, @Nullable Object container, @Nullable Object wanted) {
    if (container instanceof TrackedText text) {
      if (!(wanted instanceof TrackedText part)) {
        throw execution.failure(
            "'in' a string needs a string on its left, found " + Values.typeName(wanted));
      }
      execution.chargeSearch(text.length(), part.length());
      return text.text().contains(part.text());
    }
    if (container instanceof Map<?, ?> map) {
      return map.containsKey(Values.key(execution, wanted));
    }
    Iterator<Object> elements = Values.iterator(execution, container);
    while (elements.hasNext()) {
      Object element = elements.next();
      if (Values.isIdentical(element, wanted) || Values.areEqual(execution, element, wanted)) {
        return true;
      }
    }
    return false;
  }
}
