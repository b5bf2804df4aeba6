package io.vquant.kernels.cpu;

/**
 * What the operators of one backend share: threads, a scratch a worker, and one scratch for the
 * operator that runs. One operator runs at a time.
 */
final class CpuContext implements AutoCloseable {

  private final WorkerPool pool;
  private final Scratch shared = new Scratch();
  private final Scratch[] workers;
  private final ArrangedInput input;
  private final ArrangedCodeInput codeInput;

  CpuContext(int threads) {
    pool = new WorkerPool(threads);
    workers = new Scratch[threads];
    for (int i = 0; i < threads; i++) {
      workers[i] = new Scratch();
    }
    input = new ArrangedInput(pool);
    codeInput = new ArrangedCodeInput(pool);
  }

  WorkerPool pool() {
    return pool;
  }

  /** What the running matrix product multiplies. */
  ArrangedInput input() {
    return input;
  }

  /** The same where the weight is in codes. */
  ArrangedCodeInput codeInput() {
    return codeInput;
  }

  /** Scratch for all workers of the running operator. */
  long sharedScratch(long byteSize) {
    return shared.atLeast(byteSize);
  }

  /** Scratch of one worker, to be asked for by that worker. */
  long workerScratch(int worker, long byteSize) {
    return workers[worker].atLeast(byteSize);
  }

  @Override
  public void close() {
    pool.close();
    input.close();
    codeInput.close();
    shared.close();
    for (Scratch worker : workers) {
      worker.close();
    }
  }
}
