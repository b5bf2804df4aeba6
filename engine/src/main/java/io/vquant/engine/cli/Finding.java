package io.vquant.engine.cli;

/**
 * One line of {@code doctor}.
 *
 * @param subject what was looked at
 * @param text what is there, and where that is not ideal, what to do
 * @param isRequired whether the engine cannot run without it
 */
record Finding(Verdict verdict, String subject, String text, boolean isRequired) {
  enum Verdict {
    OK,
    WARNING,
    MISSING
  }

  static Finding ok(String subject, String text) {
    return new Finding(Verdict.OK, subject, text, false);
  }

  static Finding warning(String subject, String text) {
    return new Finding(Verdict.WARNING, subject, text, false);
  }

  /** Something absent that the engine can run without. */
  static Finding missing(String subject, String text) {
    return new Finding(Verdict.MISSING, subject, text, false);
  }

  /** Something absent that the engine cannot run without. */
  static Finding missingRequired(String subject, String text) {
    return new Finding(Verdict.MISSING, subject, text, true);
  }
}
