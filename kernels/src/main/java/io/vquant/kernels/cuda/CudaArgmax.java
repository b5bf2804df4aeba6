package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.ArgmaxOperator;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The device looks, so that one number comes to the host and not a row. */
final class CudaArgmax implements ArgmaxOperator {
  private static final int THREADS = 256;
  private static final int ELEMENTS_A_THREAD = 8;
  private static final int STATE_BYTES = 16;
  private static final long NOT_FINITE_KEY = -1;

  private final CudaRuntime runtime;
  private final CudaFunction function;
  private final long state;
  private final MemorySegment result;

  CudaArgmax(CudaRuntime runtime) {
    this.runtime = runtime;
    function = runtime.function(Kernel.ARGMAX);
    state = runtime.allocate(STATE_BYTES).address();
    runtime.stream().zero(state, STATE_BYTES);
    result = runtime.allocatePinned(Long.BYTES);
  }

  @Override
  public int forward(Tensor row) {
    Operands.require("argmax row", row, 1, row.columns());
    function
        .call()
        .int64(result.address())
        .int64(state)
        .int64(Operands.address(row))
        .int32(row.columns())
        .launch(
            runtime.stream(),
            Operands.blocks(row.columns(), THREADS * ELEMENTS_A_THREAD),
            1,
            1,
            THREADS);
    runtime.synchronize();
    long key = result.get(ValueLayout.JAVA_LONG, 0);
    return key == NOT_FINITE_KEY ? NOT_FINITE : ~(int) key;
  }
}
