package io.vquant.engine.cli;

/** What the process returns, one number a class of causes; scripts rely on them. */
final class ExitCode {
  static final int DONE = 0;
  static final int BUG = 1;
  static final int USAGE = 2;
  static final int BAD_MODEL = 3;
  static final int BAD_INPUT = 4;
  static final int NOT_ENOUGH_MEMORY = 5;
  static final int DEVICE_CANNOT = 6;
  static final int INTERRUPTED = 130;

  private ExitCode() {}
}
