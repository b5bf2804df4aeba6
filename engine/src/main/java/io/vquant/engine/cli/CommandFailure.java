package io.vquant.engine.cli;

import org.jspecify.annotations.Nullable;

/**
 * A command cannot go on for a reason the user can change: one line, and the exit code to return.
 */
final class CommandFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int exitCode;

  private CommandFailure(int exitCode, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  static CommandFailure usage(String message) {
    return new CommandFailure(ExitCode.USAGE, message, null);
  }

  static CommandFailure badModel(String message) {
    return new CommandFailure(ExitCode.BAD_MODEL, message, null);
  }

  static CommandFailure badInput(String message) {
    return new CommandFailure(ExitCode.BAD_INPUT, message, null);
  }

  static CommandFailure badInput(String message, Throwable cause) {
    return new CommandFailure(ExitCode.BAD_INPUT, message, cause);
  }

  static CommandFailure deviceCannot(String message) {
    return new CommandFailure(ExitCode.DEVICE_CANNOT, message, null);
  }

  int exitCode() {
    return exitCode;
  }
}
