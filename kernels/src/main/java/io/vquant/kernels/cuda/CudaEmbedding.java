package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.tensor.Tensor;

/** Copies the token ids to the device, then table rows. */
final class CudaEmbedding implements EmbeddingOperator {
  private static final int THREADS = 256;

  private final CudaRuntime runtime;
  private final CudaFunction function;
  private final Tensor table;
  private final TokenIds ids;

  CudaEmbedding(CudaRuntime runtime, Tensor table) {
    this.runtime = runtime;
    this.table = table;
    function = runtime.function(Kernel.EMBEDDING, table.dtype());
    ids = new TokenIds(runtime, table.rows());
  }

  @Override
  public void forward(Tensor out, int[] tokenIds, int first) {
    Operands.require("embedding out", out, out.rows(), table.columns());
    long address = ids.upload(tokenIds, first, out.rows());
    function
        .call()
        .int64(Operands.address(out))
        .int64(Operands.stride(out))
        .int64(Operands.address(table))
        .int64(address)
        .int32(table.columns())
        .launch(
            runtime.stream(), out.rows(), Operands.blocks(table.columns(), THREADS), 1, THREADS);
  }
}
