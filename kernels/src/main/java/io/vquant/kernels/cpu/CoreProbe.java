package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;

import java.lang.foreign.Arena;
import jdk.incubator.vector.FloatVector;

/**
 * The roof of this machine, read in well under a second: what its cores do with nothing in the way.
 * Machines differ and change (two threads may share one core), so speeds are given as ratios to it.
 *
 * @param fmaGflops multiply-adds in registers, all threads, two operations each, in 10^9 a second
 * @param readGbPerSecond reading memory that no cache holds, all threads, 10^9 bytes a second
 * @param scaling multiply-add rate of all threads over that of one
 */
public record CoreProbe(double fmaGflops, double readGbPerSecond, double scaling) {

  private static final int CHAINS = 12;
  private static final int FMA_STEPS = 200_000;
  private static final int ROUNDS = 8;
  private static final long READ_BYTES = 256L << 20;
  private static final int READ_BLOCKS = 256;

  /** Reads the roof of {@code threads} threads. Takes 256 MB of memory for the time it runs. */
  public static CoreProbe read(int threads) {
    try (WorkerPool pool = new WorkerPool(threads);
        Arena arena = Arena.ofShared()) {
      double one = fmaRate(pool, 1);
      double all = threads == 1 ? one : fmaRate(pool, threads);
      long memory = arena.allocate(READ_BYTES, 64).address();
      return new CoreProbe(all / 1e9, readRate(pool, memory) / 1e9, all / one);
    }
  }

  private static double fmaRate(WorkerPool pool, int threads) {
    float[] sink = new float[threads];
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long start = System.nanoTime();
      pool.run((block, worker) -> sink[block] = multiplyAdds(FMA_STEPS), threads);
      double seconds = (System.nanoTime() - start) * 1e-9;
      best = Math.max(best, 2.0 * threads * FMA_STEPS * CHAINS * LANES / seconds);
    }
    return best;
  }

  private static double readRate(WorkerPool pool, long memory) {
    float[] sink = new float[READ_BLOCKS];
    long blockBytes = READ_BYTES / READ_BLOCKS;
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long start = System.nanoTime();
      pool.run(
          (block, worker) -> sink[block] = sum(memory + block * blockBytes, blockBytes),
          READ_BLOCKS);
      double seconds = (System.nanoTime() - start) * 1e-9;
      best = Math.max(best, READ_BYTES / seconds);
    }
    return best;
  }

  /** Twelve independent chains hide the latency of a multiply-add. */
  private static float multiplyAdds(int steps) {
    FloatVector a = FloatVector.broadcast(FLOATS, 1f);
    FloatVector b = FloatVector.broadcast(FLOATS, 0.999f);
    FloatVector c0 = a;
    FloatVector c1 = a;
    FloatVector c2 = a;
    FloatVector c3 = a;
    FloatVector c4 = a;
    FloatVector c5 = a;
    FloatVector c6 = a;
    FloatVector c7 = a;
    FloatVector c8 = a;
    FloatVector c9 = a;
    FloatVector c10 = a;
    FloatVector c11 = a;
    for (int i = 0; i < steps; i++) {
      c0 = c0.fma(b, a);
      c1 = c1.fma(b, a);
      c2 = c2.fma(b, a);
      c3 = c3.fma(b, a);
      c4 = c4.fma(b, a);
      c5 = c5.fma(b, a);
      c6 = c6.fma(b, a);
      c7 = c7.fma(b, a);
      c8 = c8.fma(b, a);
      c9 = c9.fma(b, a);
      c10 = c10.fma(b, a);
      c11 = c11.fma(b, a);
    }
    FloatVector low = c0.add(c1).add(c2).add(c3).add(c4).add(c5);
    return low.add(c6).add(c7).add(c8).add(c9).add(c10).add(c11).lane(0);
  }

  private static float sum(long from, long byteSize) {
    FloatVector a = FloatVector.zero(FLOATS);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int steps = (int) (byteSize / (4L * BYTES));
    for (int i = 0; i < steps; i++) {
      long at = from + 4L * i * BYTES;
      a = a.add(load(at));
      b = b.add(load(at + BYTES));
      c = c.add(load(at + 2L * BYTES));
      d = d.add(load(at + 3L * BYTES));
    }
    return a.add(b).add(c).add(d).lane(0);
  }
}
