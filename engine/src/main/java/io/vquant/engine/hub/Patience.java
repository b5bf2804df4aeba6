package io.vquant.engine.hub;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Tries again what the network or a busy hub spoiled: five times in a row, waiting as long as the
 * hub asks, else 1, 2, 4 and 8 seconds. An attempt that got on begins a new row.
 */
final class Patience {
  /** More than this nobody waits for without being asked. */
  static final Duration LONGEST_WAIT = Duration.ofMinutes(5);

  private static final int ATTEMPTS = 5;

  /** Progress that begins a new row of attempts: a trickle must not go on for ever. */
  private static final long PROGRESS_BYTES = 1 << 20;

  private final CountDownLatch cancelled = new CountDownLatch(1);
  private final long firstWaitMillis;
  private final PullListener listener;

  /**
   * Patience that can be ended.
   *
   * @param firstWaitMillis before the second attempt where the hub asks for nothing
   */
  Patience(long firstWaitMillis, PullListener listener) {
    this.firstWaitMillis = firstWaitMillis;
    this.listener = listener;
  }

  /** One attempt. */
  interface Attempt<T> {
    T run() throws IOException;
  }

  void cancel() {
    cancelled.countDown();
  }

  /**
   * Throws if it was cancelled.
   *
   * @throws PullCancelledException then
   */
  void check() {
    if (cancelled.getCount() == 0) {
      throw new PullCancelledException();
    }
  }

  /**
   * Runs attempts until one succeeds.
   *
   * @param what is attempted, for messages
   * @param doneBytes bytes that attempts have brought so far
   * @throws HubException if none does
   */
  <T> T attempt(String what, LongSupplier doneBytes, Attempt<T> attempt) {
    int failures = 0;
    long doneAtFailure = doneBytes.getAsLong();
    while (true) {
      check();
      try {
        return attempt.run();
      } catch (IOException e) {
        check();
        long done = doneBytes.getAsLong();
        failures = done - doneAtFailure >= PROGRESS_BYTES ? 1 : failures + 1;
        doneAtFailure = done;
        if (failures == ATTEMPTS) {
          throw new HubException(what + ": " + reason(e) + " (tried " + ATTEMPTS + " times)", e);
        }
        pause(what, e, failures);
      }
    }
  }

  private void pause(String what, IOException failure, int failures) {
    Duration wait = Duration.ofMillis(firstWaitMillis << (failures - 1));
    if (failure instanceof TransientFailure busy && busy.askedWait().isPresent()) {
      wait = busy.askedWait().get();
      if (wait.compareTo(LONGEST_WAIT) > 0) {
        throw new HubException(
            what
                + ": "
                + reason(failure)
                + " and asks to wait "
                + wait.toSeconds()
                + " s: run the same command again later",
            failure);
      }
    }
    listener.onNotice(
        what + ": " + reason(failure) + ", trying again in " + wait.toSeconds() + " s");
    try {
      if (cancelled.await(wait.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new PullCancelledException();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PullCancelledException();
    }
  }

  private static String reason(IOException failure) {
    return switch (failure) {
      case TransientFailure known -> String.valueOf(known.getMessage());
      case java.net.http.HttpConnectTimeoutException _ -> "no answer";
      case java.net.http.HttpTimeoutException _ -> "no answer";
      case java.net.ConnectException _ -> "no connection";
      case javax.net.ssl.SSLException tls -> "no safe connection: " + tls.getMessage();
      default -> "the connection was cut (" + failure + ")";
    };
  }
}
