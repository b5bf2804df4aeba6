package io.vquant.kernels.quant;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How the weights of one matrix become codes: {@code q8} (symmetric) or {@code q4} (with a zero),
 * in groups along the input, maybe with outliers kept apart (EasyQuant, Tang et al. 2024, section
 * 3). As text: {@code q4,group=32,outliers=off}, or {@code outliers=3} for weights further than 3
 * standard deviations from the mean of their matrix.
 *
 * @param bits of a code: eight or four
 * @param group weights of a row that share scale and zero: 32 or 64, with four bits also 128
 * @param outlierSigmas from how many standard deviations on a weight is kept exact; 0: none is
 */
public record QuantScheme(CodeBits bits, int group, float outlierSigmas) {

  /** Weights of a row that share scale and zero, where nothing else is said. */
  public static final int DEFAULT_GROUP = 32;

  /** Below it a good part of all weights would be outliers. */
  private static final float LEAST_SIGMAS = 2;

  private static final float MOST_SIGMAS = 100;

  public QuantScheme {
    if (bits == CodeBits.TWO) {
      throw new IllegalArgumentException("weights of 2 bits: expected 8 or 4");
    }
    if (!groups(bits).contains(group)) {
      throw new IllegalArgumentException(
          "group=%d: expected one of %s for %s".formatted(group, groups(bits), name(bits)));
    }
    if (outlierSigmas != 0 && !(outlierSigmas >= LEAST_SIGMAS && outlierSigmas <= MOST_SIGMAS)) {
      throw new IllegalArgumentException(
          "outliers=%s: expected off, or 2 to 100 standard deviations".formatted(outlierSigmas));
    }
  }

  /** {@code q8} or {@code q4} with default settings; empty for another name. */
  public static Optional<QuantScheme> of(String name) {
    return switch (name) {
      case "q8" -> Optional.of(new QuantScheme(CodeBits.EIGHT, DEFAULT_GROUP, 0));
      case "q4" -> Optional.of(new QuantScheme(CodeBits.FOUR, DEFAULT_GROUP, 0));
      default -> Optional.empty();
    };
  }

  /**
   * This scheme with another setting.
   *
   * @param key {@code group} or {@code outliers}
   * @throws IllegalArgumentException if there is no such setting or value
   */
  public QuantScheme with(String key, String value) {
    return switch (key) {
      case "group" -> new QuantScheme(bits, wholeNumber(value), outlierSigmas);
      case "outliers" -> new QuantScheme(bits, group, sigmas(value));
      default ->
          throw new IllegalArgumentException(
              "setting " + key + ": expected group, outliers or head");
    };
  }

  private static int wholeNumber(String value) {
    if (!value.matches("[0-9]{1,4}")) {
      throw new IllegalArgumentException("group=" + value + ": expected 32, 64 or 128");
    }
    return Integer.parseInt(value);
  }

  private static float sigmas(String value) {
    if (value.equals("off")) {
      return 0;
    }
    if (!value.matches("[0-9]{1,3}(\\.[0-9]{1,4})?") || Float.parseFloat(value) == 0) {
      throw new IllegalArgumentException(
          "outliers=" + value + ": expected off, or 2 to 100 standard deviations");
    }
    return Float.parseFloat(value);
  }

  private static List<Integer> groups(CodeBits bits) {
    return bits == CodeBits.FOUR ? List.of(32, 64, 128) : List.of(32, 64);
  }

  private static String name(CodeBits bits) {
    return "q" + bits.bits();
  }

  /** {@code q8} or {@code q4}. */
  public String name() {
    return name(bits);
  }

  /** Whether groups have a zero of their own; else codes stand around 0. */
  public boolean isAsymmetric() {
    return bits == CodeBits.FOUR;
  }

  public boolean keepsOutliers() {
    return outlierSigmas > 0;
  }

  /** Refuses rows that are not whole groups. */
  public void requireFits(String what, int columns) {
    if (columns % group != 0) {
      throw new UnfitSchemeException(
          "%s: rows of %d weights are not whole groups of %d (%s)"
              .formatted(what, columns, group, this));
    }
  }

  @Override
  public String toString() {
    String outliers =
        keepsOutliers()
            ? String.format(Locale.ROOT, "%s", outlierSigmas).replaceFirst("\\.0$", "")
            : "off";
    return name() + ",group=" + group + ",outliers=" + outliers;
  }
}
