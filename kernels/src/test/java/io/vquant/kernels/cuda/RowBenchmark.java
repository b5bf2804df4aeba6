package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.Random;

/**
 * Times the small operators of a prompt of 2048 rows in the shape of Llama-3.1-8B, and the choice
 * of its last token. Beside each time stands the share of the floor that it reaches: the bytes that
 * must be read and written once, at 4200 GB/s, what an H200 copies. Results may stay in the L2
 * cache, so a share can pass 100 %.
 */
final class RowBenchmark {
  private static final double COPY_BYTES_A_MILLISECOND = 4.2e9;
  private static final int ROWS = 2048;
  private static final int HIDDEN = 4096;
  private static final int KEYS = 1024;
  private static final int INTERMEDIATE = 14336;
  private static final int VOCABULARY = 128256;
  private static final int HEAD_DIM = 128;
  private static final int THREADS = 256;

  private final KernelBenchmark benchmark;
  private final CudaRuntime runtime;

  RowBenchmark(KernelBenchmark benchmark) {
    this.benchmark = benchmark;
    runtime = benchmark.runtime();
  }

  void run() {
    CudaElementwise elementwise = new CudaElementwise(runtime);
    Tensor x = benchmark.matrix(DType.F32, ROWS, HIDDEN);
    Tensor delta = benchmark.matrix(DType.F32, ROWS, HIDDEN);
    norm(x);
    rotary("rotary of q", x);
    rotary("rotary of k", benchmark.matrix(DType.F32, ROWS, KEYS));
    Tensor gate = benchmark.matrix(DType.F32, ROWS, INTERMEDIATE);
    Tensor up = benchmark.matrix(DType.F32, ROWS, INTERMEDIATE);
    report("gated activation", 3 * byteSize(gate), () -> elementwise.gate(gate, gate, up));
    report("residual addition", 3 * byteSize(x), () -> elementwise.add(x, delta));
    embedding(x);
    argmax();
  }

  private void norm(Tensor x) {
    Tensor weight = benchmark.matrix(DType.F32, 1, HIDDEN);
    Tensor out = benchmark.matrix(DType.F32, ROWS, HIDDEN);
    CudaRmsNorm norm = new CudaRmsNorm(runtime, weight, 1e-5f);
    report("rms norm", 2 * byteSize(x) + byteSize(weight), () -> norm.forward(out, x));
  }

  /** The angles are computed before: all layers share them. */
  private void rotary(String name, Tensor x) {
    CudaRotary rotary =
        new CudaRotary(runtime, new RotarySpec(HEAD_DIM, Collections.nCopies(64, 0.01f), 1));
    double angles = 4.0 * ROWS * HEAD_DIM;
    report(name, 2 * byteSize(x) + angles, () -> rotary.forward(x, 0));
  }

  /** Without copying the ids to the device. */
  private void embedding(Tensor out) {
    Tensor table = benchmark.matrix(DType.BF16, VOCABULARY, HIDDEN);
    DeviceMemory ids = runtime.allocate(4L * ROWS);
    MemorySegment chosen = Arena.ofAuto().allocate(ids.byteSize(), 4);
    Random random = new Random(1);
    for (int i = 0; i < ROWS; i++) {
      chosen.setAtIndex(ValueLayout.JAVA_INT, i, random.nextInt(VOCABULARY));
    }
    runtime.stream().copyToDevice(ids.address(), chosen);
    runtime.stream().synchronize();
    CudaFunction function = runtime.function(Kernel.EMBEDDING, DType.BF16);
    double bytes = byteSize(out) + 2.0 * ROWS * HIDDEN + ids.byteSize();
    report(
        "embedding",
        bytes,
        () ->
            function
                .call()
                .int64(Operands.address(out))
                .int64(Operands.stride(out))
                .int64(Operands.address(table))
                .int64(ids.address())
                .int32(HIDDEN)
                .launch(runtime.stream(), ROWS, Operands.blocks(HIDDEN, THREADS), 1, THREADS));
  }

  /** Of one row, without waiting for the result. */
  private void argmax() {
    Tensor logits = benchmark.matrix(DType.F32, 1, VOCABULARY);
    DeviceMemory state = runtime.allocate(16);
    runtime.stream().zero(state.address(), state.byteSize());
    MemorySegment result = runtime.allocatePinned(Long.BYTES);
    CudaFunction function = runtime.function(Kernel.ARGMAX);
    report(
        "argmax of one row",
        byteSize(logits),
        () ->
            function
                .call()
                .int64(result.address())
                .int64(state.address())
                .int64(Operands.address(logits))
                .int32(VOCABULARY)
                .launch(runtime.stream(), Operands.blocks(VOCABULARY, 8 * THREADS), 1, 1, THREADS));
  }

  private static double byteSize(Tensor tensor) {
    return (double) tensor.rows() * tensor.columns() * tensor.dtype().byteSize();
  }

  private void report(String name, double bytes, Runnable work) {
    double[] times = benchmark.time(work);
    double share = 100 * bytes / COPY_BYTES_A_MILLISECOND / times[1];
    KernelBenchmark.print("%s, %.0f %% of the floor".formatted(name, share), times, bytes, "GB/s");
  }
}
