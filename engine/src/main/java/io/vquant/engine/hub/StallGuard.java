package io.vquant.engine.hub;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Closes streams that have brought nothing for a while: reading them has no timeout of its own. */
final class StallGuard implements Closeable {
  private final Map<InputStream, Long> lastNanos = new ConcurrentHashMap<>();
  private final long patienceNanos;
  private final Thread thread;

  StallGuard(Duration patience) {
    patienceNanos = patience.toNanos();
    thread = Thread.ofVirtual().start(this::watch);
  }

  /** To be called before a stream is read and whenever it has brought something. */
  void alive(InputStream stream) {
    lastNanos.put(stream, System.nanoTime());
  }

  void forget(InputStream stream) {
    lastNanos.remove(stream);
  }

  private void watch() {
    try {
      while (true) {
        Thread.sleep(Math.max(1, patienceNanos / 8_000_000));
        long now = System.nanoTime();
        lastNanos.forEach((stream, last) -> {
          if (now - last > patienceNanos) {
            closeQuietly(stream);
          }
        });
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  private static void closeQuietly(InputStream stream) {
    try {
      stream.close();
    } catch (IOException e) {
      // its reader will notice
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
