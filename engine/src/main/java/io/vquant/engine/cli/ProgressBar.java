package io.vquant.engine.cli;

import java.io.PrintStream;
import java.util.Locale;

/**
 * One line on a terminal that is drawn over itself: what runs, how far it is, and the time left at
 * the mean rate so far. Drawn at most ten times a second and only for work that lasts.
 */
final class ProgressBar implements AutoCloseable {
  private static final int CELLS = 24;
  private static final String BYTES = "bytes";
  private static final long FIRST_DRAW_NANOS = 300_000_000L;
  private static final long REDRAW_NANOS = 100_000_000L;

  private final PrintStream terminal;
  private final String title;
  private final String unit;
  private final long startNanos;
  private long lastDrawNanos;
  private boolean drawn;

  private ProgressBar(PrintStream terminal, String title, String unit, long nowNanos) {
    this.terminal = terminal;
    this.title = title;
    this.unit = unit;
    this.startNanos = nowNanos;
  }

  /** A bar that counts bytes. */
  static ProgressBar ofBytes(PrintStream terminal, String title, long nowNanos) {
    return new ProgressBar(terminal, title, BYTES, nowNanos);
  }

  /** A bar that counts tokens. */
  static ProgressBar ofTokens(PrintStream terminal, String title, long nowNanos) {
    return of(terminal, title, "tokens", nowNanos);
  }

  /** A bar that counts things of a kind, named by its plural. */
  static ProgressBar of(PrintStream terminal, String title, String unit, long nowNanos) {
    return new ProgressBar(terminal, title, unit, nowNanos);
  }

  /** Shows that {@code done} of {@code total} are done. */
  void update(long done, long total, long nowNanos) {
    long elapsedNanos = nowNanos - startNanos;
    boolean due =
        drawn ? nowNanos - lastDrawNanos >= REDRAW_NANOS : elapsedNanos >= FIRST_DRAW_NANOS;
    if (due && total > 0) {
      lastDrawNanos = nowNanos;
      drawn = true;
      terminal.print("\r" + line(done, total, elapsedNanos) + "\u001b[K");
      terminal.flush();
    }
  }

  private String line(long done, long total, long elapsedNanos) {
    int full = (int) Math.min(CELLS, CELLS * done / total);
    double secondsLeft = done == 0 ? 0 : elapsedNanos / 1e9 * (total - done) / done;
    return String.format(
        Locale.ROOT,
        "%s [%s%s] %s of %s, %.0f s left",
        title,
        "#".repeat(full),
        "-".repeat(CELLS - full),
        amount(done),
        amount(total),
        Math.ceil(secondsLeft));
  }

  private String amount(long count) {
    return unit.equals(BYTES) ? Quantities.bytes(count) : count + " " + unit;
  }

  /** Removes the bar from the screen. */
  @Override
  public void close() {
    if (drawn) {
      drawn = false;
      terminal.print("\r\u001b[K");
      terminal.flush();
    }
  }
}
