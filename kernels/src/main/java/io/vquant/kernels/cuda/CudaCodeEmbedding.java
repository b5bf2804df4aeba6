package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.cuda.driver.CudaFunction;
import io.vquant.kernels.cuda.driver.KernelCall;
import io.vquant.kernels.tensor.Tensor;

/** Rows of a table in codes: a block a row, the bits of the scalar specification. */
final class CudaCodeEmbedding implements EmbeddingOperator {
  private static final int THREADS = 256;

  private final CudaRuntime runtime;
  private final CudaFunction function;
  private final CodeMatrix table;
  private final TokenIds ids;

  CudaCodeEmbedding(CudaRuntime runtime, CodeMatrix table) {
    this.runtime = runtime;
    this.table = table;
    function = runtime.function(Kernel.EMBEDDING_CODES, table.layout().scheme());
    ids = new TokenIds(runtime, table.rows());
  }

  @Override
  public void forward(Tensor out, int[] tokenIds, int first) {
    Operands.require("embedding out", out, out.rows(), table.columns());
    long address = ids.upload(tokenIds, first, out.rows());
    KernelCall call = function.call().int64(Operands.address(out)).int64(Operands.stride(out));
    table.addTo(call);
    call.int64(address)
        .int32(table.columns())
        .int32(table.layout().scheme().group())
        .launch(runtime.stream(), out.rows(), 1, 1, THREADS);
  }
}
