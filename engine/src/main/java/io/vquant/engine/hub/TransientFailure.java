package io.vquant.engine.hub;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** Something that may go better in a while: a busy hub, a lost connection. */
final class TransientFailure extends IOException {
  private static final long serialVersionUID = 1L;
  private final transient Optional<Duration> wait;

  TransientFailure(String message, Optional<Duration> wait) {
    super(message);
    this.wait = wait;
  }

  /** How long the hub asks to wait, if it does. */
  Optional<Duration> askedWait() {
    return wait;
  }
}
