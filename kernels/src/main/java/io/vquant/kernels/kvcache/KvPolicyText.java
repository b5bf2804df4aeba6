package io.vquant.kernels.kvcache;

import java.util.HashSet;
import java.util.Set;

/**
 * Reads the policy of a layer: a format's name, then settings in any order, each at most once.
 *
 * <table>
 * <caption>Settings</caption>
 * <tr><td>{@code lines=1%}</td><td>lines a KV head, of the cached tokens, or a number</td></tr>
 * <tr><td>{@code window=128}</td><td>newest tokens in 16 bits, a multiple of 64</td></tr>
 * <tr><td>{@code sinks=4}</td><td>first positions that are always lines</td></tr>
 * <tr><td>{@code smooth=on}</td><td>whether the mean key is subtracted</td></tr>
 * <tr><td>{@code hadamard=on}</td><td>whether the Walsh-Hadamard transform is applied</td></tr>
 * <tr><td>{@code score=a2}</td><td>lines by mean squared weight, or by mean weight: {@code a}</td></tr>
 * </table>
 */
final class KvPolicyText {
  private static final String SETTINGS = "lines, window, sinks, smooth, hadamard, score";

  private KvPolicyText() {}

  static KvLayerPolicy parse(String text) {
    String[] parts = text.strip().split(",", -1);
    KvLayerPolicy policy = KvLayerPolicy.of(KvFormats.parse(parts[0].strip()));
    Set<String> seen = new HashSet<>();
    for (int i = 1; i < parts.length; i++) {
      String part = parts[i].strip();
      int equals = part.indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException(
            "'" + part + "': expected SETTING=VALUE with one of " + SETTINGS);
      }
      String name = part.substring(0, equals);
      if (!seen.add(name)) {
        throw new IllegalArgumentException(name + " is given twice");
      }
      if (policy.isPlain()) {
        throw new IllegalArgumentException(
            "'" + part + "': " + policy.format() + " packs nothing and takes no settings");
      }
      policy = with(policy, name, part.substring(equals + 1));
    }
    return policy;
  }

  private static KvLayerPolicy with(KvLayerPolicy policy, String name, String value) {
    return switch (name) {
      case "lines" -> policy.withLines(lines(value));
      case "window" -> policy.withWindow(number(name, value));
      case "sinks" -> policy.withSinks(number(name, value));
      case "smooth" -> policy.withSmoothKeys(onOff(name, value));
      case "hadamard" -> policy.withHadamard(onOff(name, value));
      case "score" -> policy.withScore(score(value));
      default ->
          throw new IllegalArgumentException(
              "unknown setting '" + name + "': expected one of " + SETTINGS);
    };
  }

  private static LineBudget lines(String value) {
    if (!value.endsWith("%")) {
      return LineBudget.ofCount(number("lines", value));
    }
    try {
      return LineBudget.ofShare(Double.parseDouble(value.substring(0, value.length() - 1)) / 100);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "lines=" + value + ": expected a share such as 1% or a number", e);
    }
  }

  private static int number(String name, String value) {
    try {
      return Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(name + "=" + value + ": expected a whole number", e);
    }
  }

  private static boolean onOff(String name, String value) {
    return switch (value) {
      case "on" -> true;
      case "off" -> false;
      default -> throw new IllegalArgumentException(name + "=" + value + ": expected on or off");
    };
  }

  private static LineScore score(String value) {
    return switch (value) {
      case "a2" -> LineScore.SQUARED_WEIGHT;
      case "a" -> LineScore.WEIGHT;
      default -> throw new IllegalArgumentException("score=" + value + ": expected a2 or a");
    };
  }
}
