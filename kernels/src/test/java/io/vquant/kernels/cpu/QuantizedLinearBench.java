package io.vquant.kernels.cpu;

import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Times the matrix products of a layer of SmolLM2-135M with weights as BF16 and in codes, which
 * take turns: enough layers to be out of the caches. Prints the least time a weight, and weights a
 * nanosecond.
 *
 * <p>Arguments: threads, input rows, layers, schemes ({@code bf16}, {@code q4}, {@code q8}, with
 * settings as {@code q4,group=64}).
 */
public final class QuantizedLinearBench {

  private static final int[][] SHAPES = {
    {576, 576}, {192, 576}, {192, 576}, {576, 576}, {1536, 576}, {1536, 576}, {576, 1536}
  };
  private static final int ROUNDS = 150;

  private QuantizedLinearBench() {}

  /** One scheme: its operators in order. */
  private record Contender(String name, List<LinearOperator> operators, AtomicLong leastNanos) {}

  /** Runs it. */
  public static void main(String[] args) {
    int threads = Integer.parseInt(args[0]);
    int rows = Integer.parseInt(args[1]);
    int layers = Integer.parseInt(args[2]);
    try (CpuBackend backend = new CpuBackend(new BackendOptions(threads))) {
      List<Contender> contenders = new ArrayList<>();
      for (int i = 3; i < args.length; i++) {
        long start = System.nanoTime();
        contenders.add(
            new Contender(
                args[i], operators(backend, layers, args[i]), new AtomicLong(Long.MAX_VALUE)));
        System.out.printf("%s made in %.2f s%n", args[i], (System.nanoTime() - start) / 1e9);
      }
      long weights = 0;
      for (int[] shape : SHAPES) {
        weights += (long) shape[0] * shape[1] * layers;
      }
      Tensor[] in = {backend.matrix(rows, 576), backend.matrix(rows, 1536)};
      Tensor[] out = {
        backend.matrix(rows, 576), backend.matrix(rows, 192), backend.matrix(rows, 1536)
      };
      for (int round = 0; round < ROUNDS; round++) {
        for (Contender contender : contenders) {
          time(contender, layers, in, out);
        }
      }
      for (Contender contender : contenders) {
        double nanos = contender.leastNanos.get();
        System.out.printf(
            "%-24s %8.3f ms, %6.2f weights/ns, %7.1f GFLOP/s%n",
            contender.name, nanos / 1e6, weights / nanos, 2.0 * weights * rows / nanos);
      }
    }
  }

  private static void time(Contender contender, int layers, Tensor[] in, Tensor[] out) {
    long start = System.nanoTime();
    int next = 0;
    for (int layer = 0; layer < layers; layer++) {
      for (int[] shape : SHAPES) {
        Tensor y = out[shape[0] == 576 ? 0 : shape[0] == 192 ? 1 : 2];
        contender.operators.get(next++).forward(y, in[shape[1] == 576 ? 0 : 1]);
      }
    }
    long nanos = System.nanoTime() - start;
    contender.leastNanos.accumulateAndGet(nanos, Math::min);
  }

  private static List<LinearOperator> operators(CpuBackend backend, int layers, String name) {
    List<LinearOperator> operators = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int layer = 0; layer < layers; layer++) {
      for (int[] shape : SHAPES) {
        Tensor dense = random(backend, random, shape[0], shape[1]);
        if (name.equals("bf16")) {
          operators.add(backend.linear(dense, null));
        } else {
          QuantScheme scheme = parse(name);
          operators.add(
              backend.linear(backend.quantize(dense, scheme, QuantizeListener.NONE), null));
        }
      }
    }
    return operators;
  }

  private static QuantScheme parse(String text) {
    String[] parts = text.split(",", -1);
    QuantScheme scheme = QuantScheme.of(parts[0]).orElseThrow();
    for (int i = 1; i < parts.length; i++) {
      String[] setting = parts[i].split("=", 2);
      scheme = scheme.with(setting[0], setting[1]);
    }
    return scheme;
  }

  private static Tensor random(CpuBackend backend, SplittableRandom random, int rows, int columns) {
    HostStorage storage = (HostStorage) backend.allocate(2L * rows * columns);
    MemorySegment memory = storage.segment();
    for (long i = 0; i < (long) rows * columns; i++) {
      float value = (float) (0.05 * (random.nextDouble() + random.nextDouble() - 1));
      memory.set(Simd.SHORT, 2 * i, BFloat16.fromFloat(value));
    }
    return new Tensor(storage, DType.BF16, Layout.dense(rows, columns));
  }
}
