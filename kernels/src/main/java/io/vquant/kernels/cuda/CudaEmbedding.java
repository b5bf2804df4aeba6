package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies the token ids to the device, then table rows. */
final class CudaEmbedding implements EmbeddingOperator {
  private static final int THREADS = 256;
  private static final int FIRST_IDS = 1024;

  private final CudaRuntime runtime;
  private final CudaFunction function;
  private final Tensor table;
  private MemorySegment hostIds;
  private DeviceMemory ids;

  CudaEmbedding(CudaRuntime runtime, Tensor table) {
    this.runtime = runtime;
    this.table = table;
    function = runtime.function(Kernel.EMBEDDING, table.dtype());
    hostIds = hostIds(FIRST_IDS);
    ids = runtime.allocate(hostIds.byteSize());
  }

  private static MemorySegment hostIds(int count) {
    return Arena.ofAuto().allocate((long) count * Integer.BYTES, Integer.BYTES);
  }

  @Override
  public void forward(Tensor out, int[] tokenIds, int first) {
    Operands.require("embedding out", out, out.rows(), table.columns());
    checkIds(tokenIds, first, out.rows());
    long byteSize = (long) out.rows() * Integer.BYTES;
    if (byteSize > hostIds.byteSize()) {
      hostIds = hostIds(Math.max(out.rows(), (int) Math.min(hostIds.byteSize() / 2, 1 << 20)));
      runtime.free(ids);
      ids = runtime.allocate(hostIds.byteSize());
    }
    MemorySegment.copy(tokenIds, first, hostIds, ValueLayout.JAVA_INT, 0, out.rows());
    runtime.stream().copyToDevice(ids.address(), hostIds.asSlice(0, byteSize));
    function
        .call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(Operands.address(table))
        .int64(ids.address())
        .int32(table.columns())
        .launch(
            runtime.stream(), out.rows(), Operands.blocks(table.columns(), THREADS), 1, THREADS);
  }

  private void checkIds(int[] tokenIds, int first, int count) {
    if (first < 0 || count > tokenIds.length - first) {
      throw new IllegalArgumentException(
          "embedding of token ids %d + %d: there are %d".formatted(first, count, tokenIds.length));
    }
    for (int i = first; i < first + count; i++) {
      if (tokenIds[i] < 0 || tokenIds[i] >= table.rows()) {
        throw new IllegalArgumentException(
            "token id %d at index %d: expected 0 to %d"
                .formatted(tokenIds[i], i, table.rows() - 1));
      }
    }
  }
}
