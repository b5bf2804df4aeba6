package io.vquant.engine.cli;

import java.util.Locale;

/** Entry point of the command line; {@code io.vquant.engine.launcher.Launcher} calls it. */
public final class Main {
  private Main() {}

  /**
   * Runs one command and ends the process.
   *
   * @param args the command's name, then its options
   */
  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT); // libraries may format with the default; scripts read it
    Interruption interruption = Interruption.install();
    CommandContext context = new CommandContext(Console.ofProcess(), interruption, System.getenv());
    int exitCode = new Program(context).run(args);
    interruption.finished();
    System.exit(interruption.isRequested() ? ExitCode.INTERRUPTED : exitCode);
  }
}
