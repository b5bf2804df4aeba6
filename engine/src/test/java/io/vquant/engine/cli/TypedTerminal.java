package io.vquant.engine.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.impl.ExternalTerminal;

/** A terminal without a device: a test types, and reads what is on the screen. */
final class TypedTerminal {
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  private final PipedOutputStream keyboard = new PipedOutputStream();
  private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
  private final Terminal terminal;
  private int seen;

  TypedTerminal() throws IOException {
    terminal =
        new ExternalTerminal(
            null,
            "test",
            "xterm",
            new PipedInputStream(keyboard, 1 << 16),
            screen,
            StandardCharsets.UTF_8,
            Terminal.SignalHandler.SIG_DFL,
            false,
            terminalAttributes(),
            new Size(120, 40));
    terminal.resume();
  }

  /** As a shell leaves a terminal: signals on, lines edited and echoed. */
  private static Attributes terminalAttributes() {
    Attributes attributes = new Attributes();
    attributes.setLocalFlags(
        EnumSet.of(
            Attributes.LocalFlag.ISIG, Attributes.LocalFlag.ICANON, Attributes.LocalFlag.ECHO),
        true);
    attributes.setInputFlag(Attributes.InputFlag.ICRNL, true);
    attributes.setOutputFlags(
        EnumSet.of(Attributes.OutputFlag.OPOST, Attributes.OutputFlag.ONLCR), true);
    attributes.setControlChar(Attributes.ControlChar.VINTR, 3);
    attributes.setControlChar(Attributes.ControlChar.VEOF, 4);
    return attributes;
  }

  Terminal terminal() {
    return terminal;
  }

  /** Types; {@code \r} is the enter key, {@code \003} Ctrl-C, {@code \004} Ctrl-D. */
  TypedTerminal type(String keys) {
    try {
      keyboard.write(keys.getBytes(StandardCharsets.UTF_8));
      keyboard.flush();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return this;
  }

  /** Waits until this is on the screen, after what was waited for before. */
  TypedTerminal await(String text) {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (true) {
      int at = shown().indexOf(text, seen);
      if (at >= 0) {
        seen = at + text.length();
        return this;
      }
      if (System.nanoTime() > deadline) {
        throw new AssertionError(
            "never shown: '" + text + "' after: " + shown().substring(seen).replace('\u001b', '^'));
      }
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** All that was shown. */
  String shown() {
    return screen.toString(StandardCharsets.UTF_8);
  }
}
