package io.vquant.engine.server;

import java.util.concurrent.atomic.AtomicLong;

/** Names for answers and calls, unique in a server's life. */
final class AnswerIds {
  private final AtomicLong next = new AtomicLong(System.nanoTime() & 0xffff_ffffL);

  String next(String prefix) {
    return prefix + Long.toHexString(next.incrementAndGet());
  }

  /** Nine letters and digits: what Mistral's templates accept. */
  String nextCall() {
    String digits = Long.toString(next.incrementAndGet(), Character.MAX_RADIX);
    return "0".repeat(Math.max(0, 9 - digits.length())) + digits;
  }
}
