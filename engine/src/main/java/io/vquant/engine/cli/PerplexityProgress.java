package io.vquant.engine.cli;

import io.vquant.eval.Perplexity;
import io.vquant.eval.WindowLoss;
import java.io.PrintStream;
import java.util.Locale;

/**
 * One line on a terminal that is drawn over itself: windows done, the last one's loss, the
 * perplexity so far, the time left at the mean rate so far.
 */
final class PerplexityProgress implements AutoCloseable {
  private static final long REDRAW_NANOS = 100_000_000L;
  private final PrintStream terminal;
  private final boolean shown;
  private int windows;
  private int finishedWindows;
  private String losses = "";
  private long startNanos;
  private long lastDrawNanos;
  private boolean drawn;

  /**
   * A line that is not drawn yet.
   *
   * @param shown false draws nothing ever
   */
  PerplexityProgress(PrintStream terminal, boolean shown) {
    this.terminal = terminal;
    this.shown = shown;
  }

  /** The first of {@code windows} windows begins. */
  void begin(int windows) {
    this.windows = windows;
    startNanos = System.nanoTime();
    draw(0, startNanos);
  }

  /** A window was decoded so far. */
  void decoded(int tokens, int ofTokens) {
    long now = System.nanoTime();
    if (now - lastDrawNanos >= REDRAW_NANOS) {
      draw((double) tokens / ofTokens, now);
    }
  }

  /** A window is done. */
  void finished(Perplexity running) {
    WindowLoss loss = running.windows().getLast();
    finishedWindows++;
    losses =
        String.format(
            Locale.ROOT,
            ", last nll %.4f a token, PPL %.4f +/- %.4f",
            loss.nllSum() / loss.scoredTokens(),
            running.value(),
            running.standardError());
    draw(0, System.nanoTime());
  }

  private void draw(double partOfWindow, long nowNanos) {
    if (!shown) {
      return;
    }
    drawn = true;
    lastDrawNanos = nowNanos;
    double done = finishedWindows + partOfWindow;
    String left = "";
    if (done > 0) {
      double seconds = (nowNanos - startNanos) / 1e9 * (windows - done) / done;
      left = String.format(Locale.ROOT, ", %.0f s left", Math.ceil(seconds));
    }
    terminal.print("\rwindow " + finishedWindows + " of " + windows + losses + left + "\u001b[K");
    terminal.flush();
  }

  /** Removes the line from the screen. */
  @Override
  public void close() {
    if (drawn) {
      terminal.print("\r\u001b[K");
      terminal.flush();
    }
  }
}
