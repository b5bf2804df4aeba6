package io.vquant.engine.cli;

import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code doctor}: what of this machine the engine can use, and what to do about the rest. */
@Command(
    description = "Checks this machine: each line is ok, warning or missing, and says what to do.",
    footer = {
      "",
      "With --quiet only what is not ok. Returns 0 unless something is missing that the engine cannot run without (6)."
    })
final class DoctorCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private OutputOptions output;

  DoctorCommand(CommandContext context) {
    this.context = context;
    this.output = new OutputOptions();
  }

  @Override
  public Integer call() {
    List<Finding> findings = new Diagnosis(context).findings();
    boolean cannotRun = false;
    for (Finding finding : findings) {
      cannotRun |= finding.verdict() == Finding.Verdict.MISSING && finding.isRequired();
      if (output.quiet() && finding.verdict() == Finding.Verdict.OK) {
        continue;
      }
      context
          .console()
          .out()
          .line(
              String.format(
                  Locale.ROOT,
                  "%-8s %-14s %s",
                  finding.verdict().name().toLowerCase(Locale.ROOT),
                  finding.subject(),
                  Console.oneLine(finding.text())));
    }
    return cannotRun ? ExitCode.DEVICE_CANNOT : ExitCode.DONE;
  }
}
