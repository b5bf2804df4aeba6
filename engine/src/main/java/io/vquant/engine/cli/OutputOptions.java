package io.vquant.engine.cli;

import picocli.CommandLine.Option;

/** How much a command says beside its result. */
final class OutputOptions {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this text")
  boolean help; // picocli alone looks at it

  @Option(names = "--no-progress", description = "no progress bars")
  private boolean noProgress;

  @Option(names = "--quiet", description = "nothing on stderr but errors")
  private boolean quiet;

  @Option(names = "--debug", description = "internals, and stack traces of errors")
  private boolean debug;

  /** The same options for plain lines, {@code --help} excepted. */
  void addTo(PlainLine line) {
    line.flag(() -> noProgress = true, "--no-progress");
    line.flag(() -> quiet = true, "--quiet");
    line.flag(() -> debug = true, "--debug");
  }

  boolean showsProgress() {
    return !noProgress && !quiet && Console.errorIsTerminal();
  }

  boolean quiet() {
    return quiet;
  }

  boolean debug() {
    return debug && !quiet;
  }
}
