package io.vquant.engine.cli;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The three streams of the process. Text asked for goes to {@link #out}, all else to stderr; both
 * are UTF-8.
 */
final class Console {
  private final InputStream in;
  private final TextOutput out;
  private final PrintStream err;

  Console(InputStream in, TextOutput out, PrintStream err) {
    this.in = in;
    this.out = out;
    this.err = err;
  }

  static Console ofProcess() {
    return new Console(
        new FileInputStream(FileDescriptor.in),
        new TextOutput(new FileOutputStream(FileDescriptor.out)),
        new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8));
  }

  InputStream in() {
    return in;
  }

  TextOutput out() {
    return out;
  }

  /** Prints one line to stderr; line breaks and control characters inside it become spaces. */
  void message(String text) {
    err.print(oneLine(text) + "\n");
    err.flush();
  }

  /** Prints a failure to stderr, as {@link #message}, after the program's name. */
  void failure(String text) {
    message("vquant: " + text);
  }

  /** Stderr itself, for bars and stack traces. */
  PrintStream err() {
    return err;
  }

  static boolean inputIsTerminal() {
    return isTerminal(0);
  }

  static boolean outputIsTerminal() {
    return isTerminal(1);
  }

  static boolean errorIsTerminal() {
    return isTerminal(2);
  }

  static String oneLine(String text) {
    StringBuilder line = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean breaksLine = Character.isISOControl(c) || c == '\u2028' || c == '\u2029';
      if (!breaksLine) {
        line.append(c);
      } else if (!line.isEmpty() && line.charAt(line.length() - 1) != ' ') {
        line.append(' ');
      }
    }
    return line.toString().strip();
  }

  private static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }
}
