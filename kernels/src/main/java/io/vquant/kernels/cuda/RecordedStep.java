package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaGraph;
import io.vquant.kernels.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** The work of one token through all layers: run once, recorded the second time, then replayed. */
final class RecordedStep implements AutoCloseable {
  private static final int WARM_STEPS = 1;

  private final CudaRuntime runtime;
  private int warmSteps;
  private @Nullable CudaGraph graph;
  private long hiddenAddress;
  private int generation;

  RecordedStep(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /**
   * Runs the work.
   *
   * @param work the same every time, on the same tensors, apart from the position
   */
  void run(Tensor hidden, int position, Runnable work) {
    long address = Operands.address(hidden);
    runtime.positionAddress(position);
    if (graph != null && (hiddenAddress != address || generation != runtime.generation())) {
      graph.close();
      graph = null;
    }
    if (graph == null && warmSteps < WARM_STEPS) {
      // What is loaded, allocated or chosen at first use must not fall into a recording.
      warmSteps++;
      work.run();
      return;
    }
    if (graph == null) {
      runtime.forgetPass();
      graph = runtime.inMemory("a recorded step", () -> record(work));
      hiddenAddress = address;
      generation = runtime.generation();
    }
    graph.launch(runtime.stream());
    runtime.forgetPass();
  }

  private CudaGraph record(Runnable work) {
    return runtime.stream()
        .record(() -> {
          work.run();
          runtime.stream(); // launches what waits to be joined
        });
  }

  @Override
  public void close() {
    if (graph != null) {
      runtime.stream();
      graph.close();
    }
  }
}
