package io.vquant.engine.cli;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * A chat over plain streams, for scripts: a message a line of stdin; answers, and what commands
 * print, on stdout; all else on stderr. Nothing is coloured, dimmed or echoed.
 */
final class PlainScreen implements ChatScreen {
  private final Console console;
  private final Interruption interruption;
  private final boolean notes;
  private final InputStream in;
  private int linesRead;

  /**
   * A screen on the process's streams.
   *
   * @param notes whether notes are shown
   */
  PlainScreen(Console console, Interruption interruption, boolean notes) {
    this.console = console;
    this.interruption = interruption;
    this.notes = notes;
    in = new BufferedInputStream(console.in(), 1 << 13);
  }

  /** A signal ends the process at once while this waits. */
  @Override
  public @Nullable String readLine(String prompt) {
    interruption.idle();
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try {
      int next = in.read();
      if (next < 0) {
        return null;
      }
      while (next >= 0 && next != '\n') {
        line.write(next);
        if (line.size() > InputText.MAX_BYTES) {
          throw new IOException("a line of more than " + InputText.MAX_BYTES + " bytes");
        }
        next = in.read();
      }
    } catch (IOException e) {
      throw CommandFailure.badInput("stdin: cannot be read: " + e.getMessage(), e);
    }
    linesRead++;
    String text = InputText.decode(line.toByteArray(), "stdin, line " + linesRead);
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  @Override
  public void remember(String message) {
    // scripts have no history
  }

  @Override
  public void onInterrupt(Runnable action) {
    // signals of a process without a terminal go to Interruption
  }

  @Override
  public void answer(String piece, boolean dimmed) {
    console.out().print(piece).flush();
  }

  @Override
  public void show(String lines) {
    console.out().print(lines).flush();
  }

  @Override
  public void note(String line) {
    if (notes) {
      console.message(line);
    }
  }

  @Override
  public void failure(String line) {
    console.failure(line);
  }

  @Override
  public boolean isInteractive() {
    return false;
  }

  @Override
  public void close() {
    console.out().flush();
  }
}
