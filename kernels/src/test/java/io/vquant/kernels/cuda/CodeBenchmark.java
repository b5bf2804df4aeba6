package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Times products with weights in codes, of random bytes. Beside each time of a row stands the share
 * of the floor that it reaches: the packed bytes at 4100 GB/s, what an H200 copies.
 */
final class CodeBenchmark {
  private static final double COPY_BYTES_A_MILLISECOND = 4.1e9;

  private static final List<QuantScheme> SCHEMES =
      List.of(
          new QuantScheme(CodeBits.EIGHT, 32, 0),
          new QuantScheme(CodeBits.EIGHT, 64, 0),
          new QuantScheme(CodeBits.FOUR, 32, 0),
          new QuantScheme(CodeBits.FOUR, 64, 0),
          new QuantScheme(CodeBits.FOUR, 128, 0));

  private static final int[][] SHAPES = {
    {4096, 4096}, {14336, 4096}, {4096, 14336}, {128256, 4096}
  };

  private final KernelBenchmark benchmark;
  private final CudaRuntime runtime;

  CodeBenchmark(KernelBenchmark benchmark) {
    this.benchmark = benchmark;
    runtime = benchmark.runtime();
  }

  /** A weight of random bytes: as FP16 its scales are finite and neither large nor small. */
  private CodeMatrix weight(QuantScheme scheme, int rows, int columns, List<DeviceMemory> taken) {
    PanelLayout layout = new PanelLayout(scheme, rows, columns);
    DeviceMemory codes = benchmark.randomMemory(layout.codeBytes());
    DeviceMemory grids = benchmark.randomMemory(2 * layout.scaleBytes());
    taken.addAll(List.of(codes, grids));
    return new CodeMatrix(
        layout, codes.address(), grids.address(), grids.address() + layout.scaleBytes(), 0, 0, 0);
  }

  private void report(String name, double bytes, double[] times) {
    double share = bytes / COPY_BYTES_A_MILLISECOND / times[1];
    KernelBenchmark.print(
        "%s, %.0f %% of the floor (median)".formatted(name, 100 * share), times, bytes, "GB/s");
  }

  /** One row, one weight. */
  void rows() {
    Tensor x = benchmark.matrix(DType.F32, 1, 14336);
    Tensor out = benchmark.matrix(DType.F32, 1, 128256);
    for (QuantScheme scheme : SCHEMES) {
      for (int[] shape : SHAPES) {
        List<DeviceMemory> taken = new ArrayList<>();
        CodeMatrix weight = weight(scheme, shape[0], shape[1], taken);
        CudaCodeLinear linear = new CudaCodeLinear(runtime, weight, null);
        Tensor in = new Tensor(x.storage(), DType.F32, Layout.dense(1, shape[1]));
        Tensor y = new Tensor(out.storage(), DType.F32, Layout.dense(1, shape[0]));
        double[] times = benchmark.time(() -> linear.forward(y, in));
        report(name("row", scheme, shape), (double) weight.layout().byteSize(), times);
        taken.forEach(runtime::free);
      }
    }
  }

  /** All weights of one token of an 8B Llama, joined as a step joins them. */
  void steps() {
    for (QuantScheme scheme : SCHEMES) {
      List<DeviceMemory> taken = new ArrayList<>();
      List<Runnable> work = new ArrayList<>();
      double bytes = 0;
      Tensor x = benchmark.matrix(DType.F32, 1, 14336);
      Tensor out = benchmark.matrix(DType.F32, 1, 128256);
      Tensor gates = benchmark.matrix(DType.F32, 2, 14336);
      RowProducts products = runtime.rowProducts();
      for (int layer = 0; layer < 32; layer++) {
        CodeMatrix qkv = weight(scheme, 6144, 4096, taken);
        CodeMatrix o = weight(scheme, 4096, 4096, taken);
        CodeMatrix gate = weight(scheme, 14336, 4096, taken);
        CodeMatrix up = weight(scheme, 14336, 4096, taken);
        CodeMatrix down = weight(scheme, 4096, 14336, taken);
        for (CodeMatrix weight : List.of(qkv, o, gate, up, down)) {
          bytes += weight.layout().byteSize();
        }
        work.add(() -> {
          products.add(out, x, qkv, 0);
          products.launch();
          products.add(out, x, o, 0);
          products.launch();
          products.add(gates.rows(0, 1), x, gate, 0);
          products.add(gates.rows(1, 1), x, up, 0);
          products.joinGate(
              Operands.address(gates), Operands.address(gates.rows(1, 1)), gates.columns());
          products.add(out, x, down, 0);
          products.launch();
        });
      }
      CodeMatrix head = weight(scheme, 128256, 4096, taken);
      bytes += head.layout().byteSize();
      work.add(() -> products.add(out, x, head, 0));
      double[] times = benchmark.time(() -> work.forEach(Runnable::run));
      report("weights of an 8B step " + scheme, bytes, times);
      taken.forEach(runtime::free);
    }
  }

  /** Many rows: unpacking and the product, beside the product of FP16 weights alone. */
  void unpacking() {
    int[] shape = {14336, 4096};
    Tensor dense = benchmark.matrix(DType.F16, shape[0], shape[1]);
    CudaLinear plain = new CudaLinear(runtime, dense, null);
    for (int rows : new int[] {16, 256, 2048}) {
      Tensor x = benchmark.matrix(DType.F32, rows, shape[1]);
      Tensor out = benchmark.matrix(DType.F32, rows, shape[0]);
      double operations = 2.0 * rows * shape[0] * shape[1] / 1e3;
      print16(rows + " rows, f16 ", shape, benchmark.time(() -> plain.forward(out, x)), operations);
      for (QuantScheme scheme : SCHEMES) {
        List<DeviceMemory> taken = new ArrayList<>();
        CudaCodeLinear linear =
            new CudaCodeLinear(runtime, weight(scheme, shape[0], shape[1], taken), null);
        double[] times = benchmark.time(() -> linear.forward(out, x));
        print16(rows + " rows, " + scheme + " ", shape, times, operations);
        taken.forEach(runtime::free);
      }
    }
  }

  private static void print16(String name, int[] shape, double[] times, double operations) {
    KernelBenchmark.print(name + Arrays.toString(shape), times, operations, "TFLOP/s");
  }

  private static String name(String what, QuantScheme scheme, int[] shape) {
    return what + " " + scheme + " " + Arrays.toString(shape);
  }
}
