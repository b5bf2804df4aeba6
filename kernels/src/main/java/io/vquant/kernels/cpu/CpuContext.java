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
  private float[] floats = new float[0];
  private float[] sums = new float[0];

  CpuContext(int threads) {
    pool = new WorkerPool(threads);
    workers = new Scratch[threads];
    for (int i = 0; i < threads; i++) {
      workers[i] = new Scratch();
    }
    input = new ArrangedInput(pool);
  }

  WorkerPool pool() {
    return pool;
  }

  /** What the running matrix product multiplies. */
  ArrangedInput input() {
    return input;
  }

  /** Scratch for all workers of the running operator. */
  long sharedScratch(long byteSize) {
    return shared.atLeast(byteSize);
  }

  /** The same as an array, for what kernels read element by element. */
  float[] sharedFloats(int count) {
    if (floats.length < count) {
      floats = new float[count];
    }
    return floats;
  }

  /** One more of these. */
  float[] sharedSums(int count) {
    if (sums.length < count) {
      sums = new float[count];
    }
    return sums;
  }

  /** Scratch of one worker, to be asked for by that worker. */
  long workerScratch(int worker, long byteSize) {
    return workers[worker].atLeast(byteSize);
  }

  @Override
  public void close() {
    pool.close();
    input.close();
    shared.close();
    for (Scratch worker : workers) {
      worker.close();
    }
  }
}
