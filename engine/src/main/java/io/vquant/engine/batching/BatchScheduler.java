package io.vquant.engine.batching;

import io.vquant.engine.FinishReason;
import io.vquant.model.ForwardCancelledException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Continuous batching (Yu et al. 2022, "Orca", section 3.1): one thread decides before each step
 * which sequences take part. Between two steps of decoding only so many rows of prompts go through
 * a layer, so a long prompt slows its neighbours down but does not hold them up.
 *
 * <p>Requests start in the order they came. When the next page of all running sequences does not
 * fit, the one that came last gives its memory up and goes back to the head of the queue.
 */
public final class BatchScheduler implements AutoCloseable {
  /** Rows of prompts times layers between two steps: about as much work as a step. */
  private static final int PREFILL_ROWS = 256;

  /**
   * The same where a step reads all weights in the time that rows of prompts take to multiply them:
   * on a GPU some hundred rows through all layers.
   */
  private static final int DEVICE_PREFILL_ROWS = 4096;

  private static final int MAX_PREFILLS = 2;

  /** Tokens that each sequence shall be able to grow by before another one is let in. */
  private static final int GROWTH_TOKENS = 64;

  /** A request that rests for its reader looks again after this time, if nobody wakes it. */
  private static final long REST_NANOS = 20_000_000;

  private final BatchModel model;
  private final BatchOptions options;
  private final PrefixCache prefixes;
  private final SequenceRunner runner;
  private final MemoryBudget budget;
  private final BatchTotals totals = new BatchTotals();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition work = lock.newCondition();
  private final Deque<BatchSequence> queue = new ArrayDeque<>();
  private final List<BatchSequence> active = new ArrayList<>();
  private final Thread thread;
  private boolean signalled;
  private boolean closed;
  private long submissions;
  private int nextPrompt;

  /**
   * Starts the scheduler's thread.
   *
   * @param model its empty cache is owned by the scheduler from now on
   * @throws IllegalArgumentException if not even one sequence of full length fits the memory
   */
  public BatchScheduler(BatchModel model, BatchOptions options) {
    this.model = model;
    this.options = options;
    prefixes = new PrefixCache(options.prefixByteSize());
    runner = new SequenceRunner(model, prefixes);
    budget =
        new MemoryBudget(
            model.emptyCache().spec(), options.cacheByteSize() - options.prefixByteSize());
    long one =
        budget.sequenceByteSize(model.contextLength())
            + budget.promptByteSize(model.contextLength());
    if (one > budget.byteSize()) {
      throw new IllegalArgumentException(
          "cache bytes "
              + budget.byteSize()
              + " beside shared pages: expected at least "
              + one
              + ", one sequence of "
              + model.contextLength()
              + " tokens");
    }
    thread = Thread.ofPlatform().name("vquant-batch").daemon().unstarted(this::run);
    thread.start();
  }

  /**
   * Accepts a request, which the caller has checked against the model.
   *
   * @throws QueueFullException if all slots are taken and the queue is full
   * @throws IllegalStateException if the scheduler is closed
   */
  public BatchTicket submit(BatchRequest request, BatchListener listener) {
    return submitAll(List.of(request), List.of(listener)).getFirst();
  }

  /** Accepts several requests or none, as {@link #submit}. */
  public List<BatchTicket> submitAll(List<BatchRequest> requests, List<BatchListener> listeners) {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the scheduler is closed");
      }
      int free = Math.max(0, options.slots() - active.size()) + options.queueCapacity();
      if (queue.size() + requests.size() > free) {
        totals.rejected(requests.size());
        throw new QueueFullException(queue.size());
      }
      List<BatchTicket> tickets = new ArrayList<>();
      for (int i = 0; i < requests.size(); i++) {
        BatchSequence sequence =
            new BatchSequence(model, requests.get(i), listeners.get(i), submissions++);
        queue.addLast(sequence);
        totals.accepted();
        tickets.add(new BatchTicket(sequence, this::wakeUp));
      }
      signal();
      return tickets;
    } finally {
      lock.unlock();
    }
  }

  /** Most requests that can be running and waiting together. */
  public int capacity() {
    return options.slots() + options.queueCapacity();
  }

  /** What it does and has done. */
  public BatchCounters counters() {
    lock.lock();
    try {
      return totals.counters(queue.size(), active.size());
    } finally {
      lock.unlock();
    }
  }

  /** Whether requests are carried out. */
  public boolean isRunning() {
    return thread.isAlive();
  }

  private void wakeUp() {
    lock.lock();
    try {
      signal();
    } finally {
      lock.unlock();
    }
  }

  private void signal() {
    signalled = true;
    work.signal();
  }

  /** Ends all requests as cancelled, then the thread. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      signal();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      boolean moved = true;
      while (awaitWork(moved)) {
        moved = turn();
      }
    } finally {
      endAll();
      prefixes.close();
      model.emptyCache().close();
    }
  }

  /** Waits until there is something to do. */
  private boolean awaitWork(boolean moved) {
    lock.lock();
    try {
      long restEnd = System.nanoTime() + REST_NANOS;
      while (!closed && !signalled && mayWait(moved, restEnd)) {
        if (active.isEmpty()) {
          work.await();
        } else {
          work.awaitNanos(restEnd - System.nanoTime());
        }
      }
      signalled = false;
      return !closed;
    } catch (InterruptedException e) {
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  private boolean mayWait(boolean moved, long restEnd) {
    return active.isEmpty() ? queue.isEmpty() : !moved && System.nanoTime() < restEnd;
  }

  /** One round: who leaves, who joins, some prompt, one token each. Whether anything moved. */
  private boolean turn() {
    dropCancelled();
    admit();
    startPrompts();
    boolean moved = advancePrompts();
    giveWay();
    moved |= decode();
    totals.memory(model.emptyCache(), prefixes);
    return moved;
  }

  private void dropCancelled() {
    List<BatchSequence> dropped = new ArrayList<>();
    lock.lock();
    try {
      for (Iterator<BatchSequence> waiting = queue.iterator(); waiting.hasNext(); ) {
        BatchSequence sequence = waiting.next();
        if (sequence.isCancelled()) {
          waiting.remove();
          dropped.add(sequence);
        }
      }
    } finally {
      lock.unlock();
    }
    for (BatchSequence sequence : active) {
      if (sequence.isCancelled()) {
        dropped.add(sequence);
      }
    }
    dropped.forEach(sequence -> end(sequence, FinishReason.CANCELLED));
  }

  /** Lets waiting sequences in while there are slots and memory. */
  private void admit() {
    lock.lock();
    try {
      while (active.size() < options.slots() && !queue.isEmpty()) {
        BatchSequence next = queue.peekFirst();
        if (!active.isEmpty() && plannedBytes(next, GROWTH_TOKENS) > budget.byteSize()) {
          return;
        }
        queue.removeFirst();
        active.add(next);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Bytes of all that run, one more perhaps, when each has grown by so many tokens. */
  private long plannedBytes(@Nullable BatchSequence more, int growth) {
    long total = more == null ? 0 : plannedBytesOf(more, growth);
    for (BatchSequence sequence : active) {
      total += plannedBytesOf(sequence, growth);
    }
    return total;
  }

  private long plannedBytesOf(BatchSequence sequence, int growth) {
    int length = sequence.tokens().length();
    long bytes = budget.sequenceByteSize(Math.min(length + growth, model.contextLength()));
    return sequence.isDecoding() ? bytes : bytes + budget.promptByteSize(length);
  }

  private void startPrompts() {
    for (int i = 0; i < active.size(); i++) {
      BatchSequence sequence = active.get(i);
      List<BatchSequence> running = active.stream().filter(s -> s.prompt() != null).toList();
      if (running.size() >= MAX_PREFILLS) {
        return;
      }
      if (sequence.cache() == null && !runner.shouldWait(sequence, running)) {
        try {
          runner.beginPrefill(sequence);
          totals.prompt(sequence, runner.prefillEnd(sequence));
        } catch (RuntimeException | Error failure) {
          sequence.fail(failure);
        }
      }
    }
    endFailed();
  }

  /** A few steps of the prompts under way, in turn. */
  private boolean advancePrompts() {
    int left = model.backend().device().isHost() ? PREFILL_ROWS : DEVICE_PREFILL_ROWS;
    boolean moved = false;
    while (left > 0) {
      List<BatchSequence> prompts = active.stream().filter(s -> s.prompt() != null).toList();
      if (prompts.isEmpty()) {
        break;
      }
      BatchSequence sequence = prompts.get(nextPrompt++ % prompts.size());
      left -= Math.max(1, advance(sequence));
      moved = true;
    }
    return moved;
  }

  private int advance(BatchSequence sequence) {
    int rows = 0;
    try {
      PromptPass pass = sequence.prompt();
      if (pass != null) {
        rows = runner.advancePrefill(sequence, pass);
      }
      if (sequence.prompt() == null && !sequence.request().generates()) {
        end(sequence, FinishReason.LENGTH);
      }
    } catch (ForwardCancelledException cancelled) {
      end(sequence, FinishReason.CANCELLED);
    } catch (RuntimeException | Error failure) {
      sequence.fail(failure);
      endFailed();
    }
    return rows;
  }

  /** Takes memory back from those that came last until the next page of all others fits. */
  private void giveWay() {
    while (active.size() > 1 && plannedBytes(null, 1) > budget.byteSize()) {
      BatchSequence last = active.getFirst();
      for (BatchSequence sequence : active) {
        last = sequence.number() > last.number() ? sequence : last;
      }
      last.releaseMemory();
      lock.lock();
      try {
        active.remove(last);
        queue.addFirst(last);
      } finally {
        lock.unlock();
      }
      totals.preempted();
    }
  }

  private boolean decode() {
    List<BatchSequence> ready = new ArrayList<>();
    for (BatchSequence sequence : active) {
      if (sequence.isDecoding() && sequence.listener().hasRoom()) {
        ready.add(sequence);
      }
    }
    int most = Math.min(model.causalLm().maxDecodeRows(), BatchOptions.MAX_SLOTS);
    for (int first = 0; first < ready.size(); first += most) {
      decode(ready.subList(first, Math.min(ready.size(), first + most)));
    }
    return !ready.isEmpty();
  }

  private void decode(List<BatchSequence> sequences) {
    List<Runnable> ends = new ArrayList<>();
    try {
      runner.decode(
          sequences,
          (sequence, reason) -> {
            totals.produced();
            if (reason != null) {
              ends.add(() -> end(sequence, reason));
            }
          });
      totals.decoded(sequences.size());
    } catch (RuntimeException | Error failure) {
      if (sequences.size() == 1) {
        sequences.getFirst().fail(failure);
      } else { // one of them is at fault: each alone shows which
        sequences.forEach(sequence -> decode(List.of(sequence)));
      }
    }
    ends.forEach(Runnable::run);
    endFailed();
  }

  private void endFailed() {
    for (BatchSequence sequence : List.copyOf(active)) {
      Throwable failure = sequence.failure();
      if (failure != null) {
        leave(sequence);
        sequence.releaseMemory();
        totals.failed();
        sequence.listener().onFailure(failure);
      }
    }
  }

  private void end(BatchSequence sequence, FinishReason reason) {
    leave(sequence);
    try {
      BatchResult result = sequence.result(reason);
      if (reason != FinishReason.CANCELLED) {
        runner.keepPages(sequence);
      }
      sequence.releaseMemory();
      totals.ended(reason);
      totals.memory(model.emptyCache(), prefixes);
      sequence.listener().onEnd(result);
    } catch (RuntimeException failure) { // its listener's
      sequence.releaseMemory();
      totals.failed();
      sequence.listener().onFailure(failure);
    }
  }

  private void leave(BatchSequence sequence) {
    lock.lock();
    try {
      active.remove(sequence);
      queue.remove(sequence);
    } finally {
      lock.unlock();
    }
  }

  private void endAll() {
    List<BatchSequence> left = new ArrayList<>(active);
    lock.lock();
    try {
      closed = true;
      left.addAll(queue);
    } finally {
      lock.unlock();
    }
    left.forEach(sequence -> end(sequence, FinishReason.CANCELLED));
  }
}
