package io.vquant.engine.batching;

/** As many requests wait as may; a later try may succeed. */
public final class QueueFullException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  QueueFullException(int waiting) {
    super(waiting + " requests are waiting already: try again later");
  }
}
