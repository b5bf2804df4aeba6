package io.vquant.engine.launcher;

import java.util.Optional;

/**
 * The launcher that started this process, when it did not start by itself: known by two system
 * properties that {@link EngineProcess} sets.
 */
final class ParentProcess {
  /** The process id of the launcher. */
  static final String PID_PROPERTY = "vquant.launcher.pid";

  /** How many arguments to read from the launcher's command line, because its locale lost them. */
  static final String ARGUMENT_COUNT_PROPERTY = "vquant.launcher.arguments";

  private static final int EXIT_TERMINATED = 143;

  private ParentProcess() {}

  static boolean exists() {
    return System.getProperty(PID_PROPERTY) != null;
  }

  /**
   * Ends this process when the launcher is gone: killed with SIGKILL, it could not hand that on,
   * and nobody would wait for what comes.
   */
  static void watch() {
    if (!exists()) {
      return;
    }
    Optional<ProcessHandle> parent =
        ProcessHandle.of(Long.parseLong(System.getProperty(PID_PROPERTY)));
    if (parent.isPresent()) {
      parent.get().onExit().thenRun(() -> System.exit(EXIT_TERMINATED));
    } else {
      System.exit(EXIT_TERMINATED);
    }
  }

  /**
   * The arguments to run with: those given, or the launcher's own where they cannot be passed on.
   */
  static String[] arguments(String[] given) {
    Integer count = Integer.getInteger(ARGUMENT_COUNT_PROPERTY);
    return count == null
        ? given
        : CommandBytes.of(System.getProperty(PID_PROPERTY), count).arguments();
  }
}
