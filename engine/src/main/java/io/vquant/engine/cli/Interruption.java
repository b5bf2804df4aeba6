package io.vquant.engine.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * SIGINT, SIGTERM and SIGHUP: the running command is asked to stop, gets a moment to finish its
 * sentence and its files, and the process ends with {@link ExitCode#INTERRUPTED}. More signals
 * change nothing.
 */
final class Interruption {
  private static final long GRACE_MILLIS = 3000;
  private final CountDownLatch finished = new CountDownLatch(1);
  private volatile boolean requested;
  private volatile @Nullable Runnable onRequest;

  /** Starts to listen. */
  static Interruption install() {
    Interruption interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(new Thread(interruption::endProcess));
    return interruption;
  }

  boolean isRequested() {
    return requested;
  }

  /**
   * Has {@code action} called, from another thread, when a signal comes or if one has come. Until
   * the first call nothing is under way that needs an end, and a signal ends the process at once.
   */
  void onRequest(Runnable action) {
    onRequest = action;
    if (requested) {
      action.run();
    }
  }

  /** Nothing is under way any more: until the next {@link #onRequest} a signal ends the process. */
  void idle() {
    onRequest = null;
  }

  /**
   * Throws if a signal has come.
   *
   * @throws InterruptedCommandException then
   */
  void check() {
    if (requested) {
      throw new InterruptedCommandException();
    }
  }

  /** To be called when the command has ended by itself and the process is about to. */
  void finished() {
    finished.countDown();
  }

  private void endProcess() {
    if (finished.getCount() == 0) {
      return;
    }
    requested = true;
    try {
      Runnable action = onRequest;
      if (action != null) {
        action.run();
        finished.await(GRACE_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      Runtime.getRuntime().halt(ExitCode.INTERRUPTED);
    }
  }
}
