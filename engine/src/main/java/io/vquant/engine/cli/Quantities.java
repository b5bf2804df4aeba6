package io.vquant.engine.cli;

import java.util.Locale;

/** Numbers as people read them; the same in every locale. */
final class Quantities {
  private static final String[] BYTE_UNITS = {"B", "kB", "MB", "GB", "TB", "PB"};

  private Quantities() {}

  /** {@code 13.9 MB}: powers of 1000, as disks and models are sold. */
  static String bytes(long byteSize) {
    double value = byteSize;
    int unit = 0;
    while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
      value /= 1000;
      unit++;
    }
    String format = unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s";
    return String.format(Locale.ROOT, format, value, BYTE_UNITS[unit]);
  }

  /** {@code 6.95 M}: a count of parameters. */
  static String count(long count) {
    if (count < 1000) {
      return Long.toString(count);
    }
    if (count < 1_000_000) {
      return decimal(count / 1e3, 1) + " k";
    }
    return count < 1_000_000_000 ? decimal(count / 1e6, 2) + " M" : decimal(count / 1e9, 2) + " B";
  }

  /** {@code value} with {@code digits} digits after a point. */
  static String decimal(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }
}
