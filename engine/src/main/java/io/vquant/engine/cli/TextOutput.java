package io.vquant.engine.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Stdout as UTF-8 whatever the locale. Text is held back until {@link #flush}, except what exceeds
 * a buffer; unlike {@link java.io.PrintStream} it does not swallow errors.
 */
final class TextOutput {
  private static final int BUFFER_BYTES = 1 << 16;
  private final OutputStream stream;
  private final StringBuilder held = new StringBuilder();

  TextOutput(OutputStream stream) {
    this.stream = stream;
  }

  /**
   * Adds {@code text}.
   *
   * @throws ClosedOutputException if nobody reads any more
   */
  TextOutput print(String text) {
    held.append(text);
    if (held.length() > BUFFER_BYTES) {
      write(held.length() - (Character.isHighSurrogate(held.charAt(held.length() - 1)) ? 1 : 0));
    }
    return this;
  }

  TextOutput line(String text) {
    return print(text).print("\n");
  }

  /**
   * Writes what is held.
   *
   * @throws ClosedOutputException if nobody reads any more
   */
  void flush() {
    write(held.length());
  }

  private void write(int chars) {
    byte[] bytes = held.substring(0, chars).getBytes(StandardCharsets.UTF_8);
    held.delete(0, chars);
    try {
      stream.write(bytes);
      stream.flush();
    } catch (IOException e) {
      if (isPipe()) {
        throw new ClosedOutputException(e);
      }
      throw CommandFailure.badInput("stdout cannot be written: " + e.getMessage(), e);
    }
  }

  /** Tells a closed pipe from a full disk without reading the system's (translated) message. */
  private static boolean isPipe() {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
      return target.startsWith("pipe:")
          || target.startsWith("socket:")
          || target.startsWith("/dev/pts/");
    } catch (IOException e) {
      return false;
    }
  }
}
