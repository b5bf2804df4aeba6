package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;

import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/**
 * The input rows of the running matrix product in lane order, padded with zeros to whole tiles.
 *
 * <p>Few rows are arranged by each worker in memory of its own, when it takes its first block: a
 * line that one core has written and others have read costs the next writer more than arranging it
 * again. Many rows are arranged once, by all workers.
 */
final class ArrangedInput implements AutoCloseable {

  /** Elements that a worker arranges for itself: a microsecond or two. */
  private static final int FEW_ELEMENTS = 16384;

  /** Longs between the entries of two workers, so that they share no cache line. */
  private static final int ENTRY = 16;

  private final WorkerPool pool;
  private final Scratch shared = new Scratch();
  private final Scratch[] own;
  private final long[] arrangedRun;
  private final ParallelTask arrangeTask = this::arrangeSharedRow;

  private WeightRows order;
  private long run;
  private boolean isShared;
  private long sharedRows;
  private long input;
  private long inputStride;
  private int inputRows;
  private int columns;
  private int paddedRows;
  private long stride;

  ArrangedInput(WorkerPool pool) {
    this.pool = pool;
    order = WeightRows.of(DType.F32);
    own = new Scratch[pool.threads()];
    for (int i = 0; i < own.length; i++) {
      own[i] = new Scratch();
    }
    arrangedRun = new long[(own.length + 1) * ENTRY];
  }

  /**
   * Takes up the input of a product.
   *
   * @param x {@code [rows, columns]} F32
   */
  void begin(WeightRows order, Tensor x) {
    this.order = order;
    run++;
    input = Operands.address(x);
    inputStride = Operands.stride(x);
    inputRows = x.rows();
    columns = x.columns();
    stride = (long) order.vectors(columns) * BYTES;
    paddedRows = inputRows == 1 ? 1 : Simd.roundUp(inputRows, DotTile.ROWS);
    isShared = (long) paddedRows * columns > FEW_ELEMENTS;
    if (isShared) {
      sharedRows = shared.atLeast(paddedRows * stride);
      pool.run(arrangeTask, paddedRows);
    }
  }

  /** Bytes between rows. */
  long stride() {
    return stride;
  }

  /** The first row, to be asked for by the worker that reads it. */
  long rows(int worker) {
    if (isShared) {
      return sharedRows;
    }
    long rows = own[worker].atLeast(paddedRows * stride);
    int entry = (worker + 1) * ENTRY;
    if (arrangedRun[entry] != run) {
      for (int row = 0; row < paddedRows; row++) {
        arrangeRow(rows, row);
      }
      arrangedRun[entry] = run;
    }
    return rows;
  }

  private void arrangeSharedRow(int row, int worker) {
    arrangeRow(sharedRows, row);
  }

  private void arrangeRow(long rows, int row) {
    long to = rows + row * stride;
    if (row < inputRows) {
      order.arrangeInput(to, input + row * inputStride, columns);
    } else {
      Simd.zero(to, stride);
    }
  }

  @Override
  public void close() {
    shared.close();
    for (Scratch scratch : own) {
      scratch.close();
    }
  }
}
