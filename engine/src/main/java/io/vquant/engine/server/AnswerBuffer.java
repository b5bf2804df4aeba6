package io.vquant.engine.server;

import io.vquant.engine.batching.BatchListener;
import io.vquant.engine.batching.BatchResult;
import io.vquant.engine.batching.BatchTicket;
import io.vquant.engine.batching.TokenScore;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Events between the scheduler and the thread that writes to a client. When it is full the
 * sequences behind it rest; when it stays full for long the client is given up. Ends of choices
 * always fit.
 */
final class AnswerBuffer {
  private static final int CAPACITY = 256;

  private final long patienceNanos;
  private final boolean eager;
  private final Thread writer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition filled = lock.newCondition();
  private final Deque<AnswerEvent> events = new ArrayDeque<>();
  private List<BatchTicket> tickets = List.of();
  private boolean resting;
  private boolean abandoned;
  private long fullSinceNanos;

  /**
   * A buffer that the calling thread will empty.
   *
   * @param eager whether the writer wants each event at once, and not only ends and full buffers
   * @param patienceNanos how long it may be full before the writer is interrupted, which closes its
   *     connection
   */
  AnswerBuffer(boolean eager, long patienceNanos) {
    this.eager = eager;
    this.patienceNanos = patienceNanos;
    writer = Thread.currentThread();
  }

  /** The listener of one choice. */
  BatchListener listener(int choice) {
    return new BatchListener() {
      @Override
      public boolean hasRoom() {
        return roomLeft();
      }

      @Override
      public void onPromptScores(List<TokenScore> scores) {
        put(new AnswerEvent.PromptScores(choice, scores));
      }

      @Override
      public void onToken(int tokenId, @Nullable TokenScore score) {
        if (score != null) {
          put(new AnswerEvent.Token(choice, score));
        }
      }

      @Override
      public void onText(String piece) {
        put(new AnswerEvent.Text(choice, piece));
      }

      @Override
      public void onEnd(BatchResult result) {
        put(new AnswerEvent.End(choice, result));
      }

      @Override
      public void onFailure(Throwable failure) {
        put(new AnswerEvent.Failure(choice, failure));
      }
    };
  }

  /** Names the requests that fill this buffer. */
  void filledBy(List<BatchTicket> requests) {
    lock.lock();
    try {
      tickets = requests;
    } finally {
      lock.unlock();
    }
  }

  private void put(AnswerEvent event) {
    lock.lock();
    try {
      if (!abandoned) {
        events.addLast(event);
        boolean last = event instanceof AnswerEvent.End || event instanceof AnswerEvent.Failure;
        if (eager || last || events.size() >= CAPACITY / 2) {
          filled.signal();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean roomLeft() {
    lock.lock();
    try {
      if (abandoned || events.size() < CAPACITY) {
        resting = false;
        return true;
      }
      long now = System.nanoTime();
      if (!resting) {
        resting = true;
        fullSinceNanos = now;
      } else if (now - fullSinceNanos > patienceNanos) {
        abandoned = true;
        events.clear();
        tickets.forEach(BatchTicket::cancel);
        writer.interrupt();
      }
      return false;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The next event.
   *
   * @return null if there is none for so long
   * @throws InterruptedException if the client was given up
   */
  @Nullable AnswerEvent poll(long millis) throws InterruptedException {
    AnswerEvent event;
    boolean wake;
    lock.lockInterruptibly();
    try {
      long left = TimeUnit.MILLISECONDS.toNanos(millis);
      while (events.isEmpty() && left > 0) {
        left = filled.awaitNanos(left);
      }
      event = events.pollFirst();
      wake = resting && events.size() <= CAPACITY / 2;
      resting &= !wake;
    } finally {
      lock.unlock();
    }
    if (wake) {
      tickets.forEach(BatchTicket::resume);
    }
    return event;
  }

  /** Gives the answer up: the requests are cancelled and nothing more is kept. */
  void abandon() {
    lock.lock();
    try {
      abandoned = true;
      events.clear();
    } finally {
      lock.unlock();
    }
    tickets.forEach(BatchTicket::cancel);
  }
}
