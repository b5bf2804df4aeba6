package io.vquant.kernels.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The threads of a backend. The caller works too, as worker 0. Blocks are handed out one by one, so
 * that an uneven pair of cores stays busy; a result never depends on who did a block.
 *
 * <p>A decode step runs hundreds of operators of a few microseconds each, so idle workers spin for
 * a while before they park. Running a task allocates nothing.
 */
final class WorkerPool implements AutoCloseable {

  private static final int SPINS_BEFORE_PARK = 20_000;
  private static final long PARK_NANOS = 20_000;

  private final Thread[] helpers;
  private final AtomicInteger generation = new AtomicInteger();
  private final AtomicInteger nextBlock = new AtomicInteger();
  private final AtomicInteger busyHelpers = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private @Nullable ParallelTask task;
  private int blocks;
  private volatile boolean closed;

  WorkerPool(int threads) {
    helpers = new Thread[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      int worker = i + 1;
      helpers[i] =
          Thread.ofPlatform().daemon().name("vquant-cpu-" + worker).unstarted(() -> serve(worker));
    }
    for (Thread helper : helpers) {
      helper.start();
    }
  }

  int threads() {
    return helpers.length + 1;
  }

  /** Runs all blocks and returns when they are done. One task at a time. */
  void run(ParallelTask work, int blockCount) {
    if (helpers.length == 0 || blockCount <= 1) {
      for (int block = 0; block < blockCount; block++) {
        work.run(block, 0);
      }
      return;
    }
    task = work;
    blocks = blockCount;
    nextBlock.set(0);
    busyHelpers.set(helpers.length);
    generation.incrementAndGet();
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
    try {
      takeBlocks(work, blockCount, 0);
    } finally {
      awaitHelpers();
    }
    rethrow();
  }

  private void takeBlocks(ParallelTask work, int blockCount, int worker) {
    for (int block = nextBlock.getAndIncrement();
        block < blockCount;
        block = nextBlock.getAndIncrement()) {
      work.run(block, worker);
    }
  }

  private void awaitHelpers() {
    int spins = 0;
    while (busyHelpers.get() != 0) {
      if (++spins < SPINS_BEFORE_PARK) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(this, PARK_NANOS);
      }
    }
  }

  private void rethrow() {
    Throwable thrown = failure.getAndSet(null);
    if (thrown != null) {
      throw new IllegalStateException("a worker failed: " + thrown, thrown);
    }
  }

  private void serve(int worker) {
    int seen = 0;
    while (true) {
      seen = awaitWork(seen);
      if (closed) {
        return;
      }
      ParallelTask work = task;
      try {
        if (work != null) {
          takeBlocks(work, blocks, worker);
        }
      } catch (Throwable thrown) {
        failure.compareAndSet(null, thrown);
      } finally {
        busyHelpers.decrementAndGet();
      }
    }
  }

  private int awaitWork(int seen) {
    int spins = 0;
    while (generation.get() == seen && !closed) {
      if (++spins < SPINS_BEFORE_PARK) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
    return generation.get();
  }

  @Override
  public void close() {
    closed = true;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
    for (Thread helper : helpers) {
      boolean interrupted = false;
      while (helper.isAlive()) {
        try {
          helper.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
