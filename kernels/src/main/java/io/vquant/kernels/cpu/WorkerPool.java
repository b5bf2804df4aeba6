package io.vquant.kernels.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The threads of a backend. The caller works too, as worker 0. Each worker has a range of
 * neighbouring blocks, which it takes one by one, so that it reads memory in one stream; then it
 * helps with the others' ranges, so that an uneven pair of cores stays busy. A result never depends
 * on who did a block.
 *
 * <p>A decode step runs hundreds of operators of a few microseconds each, so idle workers spin for
 * a while before they park, and only who has parked is woken. Running a task allocates nothing.
 */
final class WorkerPool implements AutoCloseable {

  private static final int SPINS_BEFORE_PARK = 20_000;

  /** Some tens of microseconds: longer than from one operator to the next. */
  private static final int SPINS_BETWEEN_YIELDS = 2_048;

  private static final long PARK_NANOS = 20_000;

  /** Elements between those of two workers: two cache lines. */
  private static final int APART = 32;

  private final Thread[] helpers;
  private final AtomicInteger generation = new AtomicInteger();
  private final AtomicIntegerArray nextBlocks;
  private final AtomicIntegerArray parked;
  private final AtomicInteger busyHelpers = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private @Nullable ParallelTask task;
  private int blocks;
  private volatile boolean closed;

  WorkerPool(int threads) {
    helpers = new Thread[threads - 1];
    nextBlocks = new AtomicIntegerArray(threads * APART);
    parked = new AtomicIntegerArray(threads * APART);
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

  /**
   * Runs all blocks and returns when they are done. One task at a time. What the first block to
   * fail throws is thrown here, when no worker is at the task any more; some blocks may then not
   * have been run.
   */
  void run(ParallelTask work, int blockCount) {
    if (helpers.length == 0 || blockCount <= 1) {
      for (int block = 0; block < blockCount; block++) {
        work.run(block, 0);
      }
      return;
    }
    task = work;
    blocks = blockCount;
    for (int worker = 0; worker < threads(); worker++) {
      nextBlocks.set(worker * APART, firstBlock(worker));
    }
    busyHelpers.set(helpers.length);
    generation.incrementAndGet();
    for (int worker = 1; worker < threads(); worker++) {
      if (parked.get(worker * APART) != 0) {
        LockSupport.unpark(helpers[worker - 1]);
      }
    }
    try {
      takeBlocks(work, 0);
    } catch (Throwable thrown) {
      failure.compareAndSet(null, thrown);
    }
    awaitHelpers();
    rethrow();
  }

  /** Where a worker's range begins, and that of the one before ends. */
  private int firstBlock(int worker) {
    return (int) ((long) blocks * worker / threads());
  }

  private void takeBlocks(ParallelTask work, int worker) {
    for (int i = 0; i < threads(); i++) {
      int owner = (worker + i) % threads();
      int end = firstBlock(owner + 1);
      for (int block = nextBlocks.getAndIncrement(owner * APART);
          block < end;
          block = nextBlocks.getAndIncrement(owner * APART)) {
        work.run(block, worker);
      }
    }
  }

  private void awaitHelpers() {
    int spins = 0;
    while (busyHelpers.get() != 0) {
      if (++spins < SPINS_BEFORE_PARK) {
        spin(spins);
      } else {
        LockSupport.parkNanos(this, PARK_NANOS);
      }
    }
  }

  private void rethrow() {
    Throwable thrown = failure.getAndSet(null);
    if (thrown instanceof RuntimeException exception) {
      throw exception;
    } else if (thrown instanceof Error error) {
      throw error;
    } else if (thrown != null) {
      throw new IllegalStateException("a worker failed: " + thrown, thrown);
    }
  }

  private void serve(int worker) {
    int seen = 0;
    while (true) {
      seen = awaitWork(seen, worker);
      if (closed) {
        return;
      }
      ParallelTask work = task;
      try {
        if (work != null) {
          takeBlocks(work, worker);
        }
      } catch (Throwable thrown) {
        failure.compareAndSet(null, thrown);
      } finally {
        busyHelpers.decrementAndGet();
      }
    }
  }

  private int awaitWork(int seen, int worker) {
    int spins = 0;
    while (generation.get() == seen && !closed) {
      if (++spins < SPINS_BEFORE_PARK) {
        spin(spins);
      } else {
        // Who raises the generation reads the flag afterwards: one of the two sees the other.
        parked.set(worker * APART, 1);
        if (generation.get() == seen && !closed) {
          LockSupport.park(this);
        }
        parked.set(worker * APART, 0);
      }
    }
    return generation.get();
  }

  /**
   * Where more threads want to run than there are cores, the one that is waited for may be among
   * those that do not: who waits gives up its core now and then.
   */
  @SuppressWarnings("ThreadPriorityCheck") // It is about speed alone.
  private static void spin(int spins) {
    if (spins % SPINS_BETWEEN_YIELDS == 0) {
      Thread.yield();
    } else {
      Thread.onSpinWait();
    }
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
