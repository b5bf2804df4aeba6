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
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Times the matrix products of a layer with weights as BF16 and in codes, which take turns: enough
 * layers to be out of the caches. Prints, for each shape and for all together, the least and the
 * median time of the rounds and GFLOP/s at the least.
 *
 * <p>Arguments: shapes ({@code smollm2}, {@code llama-1b}, or {@code 2048x8192,512x2048}: outputs
 * by inputs), threads, input rows, layers, rounds, schemes ({@code bf16}, {@code q4}, {@code q8},
 * with settings as {@code q4,group=64}).
 */
public final class QuantizedLinearBench {

  private static final String SMOLLM2 =
      "576x576,192x576,192x576,576x576,1536x576,1536x576,576x1536";
  private static final String LLAMA_1B =
      "2048x2048,512x2048,512x2048,2048x2048,8192x2048,8192x2048,2048x8192";

  private QuantizedLinearBench() {}

  /** One shape, its input and output. */
  private record Shape(int outputs, int inputs, Tensor in, Tensor out) {}

  /** One scheme: its operators and the times of the rounds, shape by shape and of all together. */
  private record Contender(
      String name, List<List<LinearOperator>> layers, List<List<Long>> nanos) {}

  /** Runs it. */
  public static void main(String[] args) {
    int threads = Integer.parseInt(args[1]);
    int rows = Integer.parseInt(args[2]);
    int layers = Integer.parseInt(args[3]);
    int rounds = Integer.parseInt(args[4]);
    try (CpuBackend backend = new CpuBackend(new BackendOptions(threads))) {
      List<Shape> shapes = shapes(backend, args[0], rows);
      List<Contender> contenders = new ArrayList<>();
      for (int i = 5; i < args.length; i++) {
        contenders.add(contender(backend, shapes, layers, args[i]));
      }
      for (int round = 0; round < rounds; round++) {
        for (Contender contender : contenders) {
          time(contender, shapes);
        }
      }
      for (int shape = 0; shape <= shapes.size(); shape++) {
        for (Contender contender : contenders) {
          print(contender, shapes, shape, rows);
        }
      }
    }
  }

  private static List<Shape> shapes(CpuBackend backend, String text, int rows) {
    String sizes =
        switch (text) {
          case "smollm2" -> SMOLLM2;
          case "llama-1b" -> LLAMA_1B;
          default -> text;
        };
    List<Shape> shapes = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(2);
    for (String size : sizes.split(",", -1)) {
      int outputs = Integer.parseInt(size.split("x", 2)[0]);
      int inputs = Integer.parseInt(size.split("x", 2)[1]);
      Tensor in = backend.matrix(rows, inputs);
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < inputs; i++) {
          long at = Operands.address(in) + row * Operands.stride(in) + 4L * i;
          Simd.set(at, random.nextFloat() - 0.5f);
        }
      }
      shapes.add(new Shape(outputs, inputs, in, backend.matrix(rows, outputs)));
    }
    return shapes;
  }

  private static void time(Contender contender, List<Shape> shapes) {
    long[] nanos = new long[shapes.size() + 1];
    for (List<LinearOperator> layer : contender.layers) {
      for (int i = 0; i < layer.size(); i++) {
        Shape shape = shapes.get(i);
        long start = System.nanoTime();
        layer.get(i).forward(shape.out, shape.in);
        nanos[i] += System.nanoTime() - start;
      }
    }
    nanos[shapes.size()] = Arrays.stream(nanos).sum();
    for (int i = 0; i < nanos.length; i++) {
      contender.nanos.get(i).add(nanos[i]);
    }
  }

  private static void print(Contender contender, List<Shape> shapes, int index, int rows) {
    long weights = 0;
    for (Shape shape : index == shapes.size() ? shapes : List.of(shapes.get(index))) {
      weights += (long) shape.outputs * shape.inputs * contender.layers.size();
    }
    List<Long> nanos = contender.nanos.get(index).stream().sorted().toList();
    System.out.printf(
        "%-10s %-16s %9.3f ms (median %9.3f) %7.1f GFLOP/s%n",
        index == shapes.size() ? "all" : shapes.get(index).outputs + "x" + shapes.get(index).inputs,
        contender.name,
        nanos.getFirst() / 1e6,
        nanos.get(nanos.size() / 2) / 1e6,
        2.0 * weights * rows / nanos.getFirst());
  }

  private static Contender contender(
      CpuBackend backend, List<Shape> shapes, int layers, String name) {
    List<List<LinearOperator>> operators = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int layer = 0; layer < layers; layer++) {
      List<LinearOperator> ofLayer = new ArrayList<>();
      for (Shape shape : shapes) {
        Tensor dense = random(backend, random, shape.outputs, shape.inputs);
        ofLayer.add(operator(backend, dense, name));
      }
      operators.add(ofLayer);
    }
    List<List<Long>> nanos = new ArrayList<>();
    for (int i = 0; i <= shapes.size(); i++) {
      nanos.add(new ArrayList<>());
    }
    return new Contender(name, operators, nanos);
  }

  private static LinearOperator operator(CpuBackend backend, Tensor dense, String name) {
    if (name.equals("bf16")) {
      return backend.linear(dense, null);
    }
    return backend.linear(backend.quantize(dense, parse(name), QuantizeListener.NONE), null);
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
