package io.vquant.engine.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Ctrl-C in a chat: the terminal sends it to this process as well as to the engine, where it stops
 * an answer and ends nothing. So this process must not end of it. To be called after the engine has
 * started: a process inherits what its parent ignores.
 */
final class TerminalInterrupts {
  private TerminalInterrupts() {}

  /** Ignores SIGINT from now on, if it can come from a terminal that the engine reads as well. */
  static void leaveToEngine() {
    try {
      String input = Files.readSymbolicLink(Path.of("/proc/self/fd/0")).toString();
      if (!input.startsWith("/dev/pts/") && !input.startsWith("/dev/tty")) {
        return;
      }
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object interrupt = signal.getConstructor(String.class).newInstance("INT");
      Object ignored = handler.getField("SIG_IGN").get(null);
      signal.getMethod("handle", signal, handler).invoke(null, interrupt, ignored);
    } catch (IOException | ReflectiveOperationException e) {
      // then Ctrl-C ends the chat, as it ends every other command
    }
  }
}
