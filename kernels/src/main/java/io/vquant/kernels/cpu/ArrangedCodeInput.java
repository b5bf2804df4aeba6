package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.LANES;

import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;

/**
 * The input rows of the running product with codes, as {@link PanelInput} orders them, and the sums
 * of their groups.
 *
 * <p>Few rows are arranged by each worker in memory of its own, for the reason that {@link
 * ArrangedInput} gives, in one piece. Many rows are arranged once, by all workers, padded to whole
 * tiles, group by group: {@code [groups, padded rows, group + 1]}, behind a row's group its sum.
 */
final class ArrangedCodeInput implements AutoCloseable {

  /** Up to so many rows meet codes straight from memory, and each worker arranges them itself. */
  static final int FEW_ROWS = 4;

  private final WorkerPool pool;
  private final Part[] own;
  private final Part shared;
  private final Scratch[] scratch;
  private final ParallelTask arrangeTask = this::arrangeSharedRow;

  private long run;
  private long input;
  private long inputStride;
  private int inputRows;
  private int paddedRows;
  private int columns;
  private int group;
  private int groups;
  private boolean asymmetric;

  /** Arranged rows and their sums. */
  private static final class Part {
    private float[] x = new float[0];
    private float[] sums = new float[0];
    private long run;

    void reserve(int xCount, int sumCount) {
      if (x.length < xCount) {
        x = new float[xCount];
      }
      if (sums.length < sumCount) {
        sums = new float[sumCount];
      }
    }
  }

  ArrangedCodeInput(WorkerPool pool) {
    this.pool = pool;
    shared = new Part();
    own = new Part[pool.threads()];
    Arrays.setAll(own, i -> new Part());
    scratch = new Scratch[own.length];
    Arrays.setAll(scratch, i -> new Scratch());
  }

  /**
   * Takes up the input of a product.
   *
   * @param layout of a weight that it meets
   * @param in {@code [rows, columns]} F32
   */
  void begin(PanelLayout layout, Tensor in) {
    run++;
    input = Operands.address(in);
    inputStride = Operands.stride(in);
    inputRows = in.rows();
    columns = layout.columns();
    group = layout.scheme().group();
    groups = layout.groups();
    asymmetric = layout.scheme().isAsymmetric();
    if (isFew(inputRows)) {
      paddedRows = inputRows;
      return;
    }
    paddedRows = Simd.roundUp(inputRows, PanelTile.ROWS);
    int floats = Math.multiplyExact(paddedRows, columns + groups);
    shared.reserve(floats, Math.multiplyExact(paddedRows, sumsStride()));
    pool.run(arrangeTask, paddedRows);
  }

  static boolean isFew(int rows) {
    return rows <= FEW_ROWS;
  }

  /** Elements between the sums of two rows. */
  int sumsStride() {
    return Simd.roundUp(groups, LANES);
  }

  /** Rows of each group of {@link #many}. */
  int paddedRows() {
    return paddedRows;
  }

  /** Many rows, group by group. */
  float[] many() {
    return shared.x;
  }

  /** Few rows {@code [rows, columns]}, to be asked for by the worker that reads them. */
  float[] few(int worker) {
    return arranged(worker).x;
  }

  /** The sums of their groups, if codes have zeros: rows {@link #sumsStride} apart. */
  float[] fewSums(int worker) {
    return arranged(worker).sums;
  }

  private Part arranged(int worker) {
    Part part = own[worker];
    if (part.run != run) {
      part.reserve(paddedRows * columns, paddedRows * sumsStride());
      for (int row = 0; row < paddedRows; row++) {
        arrange(part, row, row * columns, 0, columns, worker);
      }
      part.run = run;
    }
    return part;
  }

  /** Rows past the end stand for the last one, their results unused. */
  private void arrangeSharedRow(int row, int worker) {
    int to = row * (group + 1);
    int stride = paddedRows * (group + 1);
    arrange(shared, row, to, stride, group, worker);
    if (asymmetric) {
      int sums = row * sumsStride();
      for (int g = 0; g < groups; g++) {
        shared.x[to + g * stride + group] = shared.sums[sums + g];
      }
    }
  }

  private void arrange(Part part, int row, int to, int stride, int piece, int worker) {
    long from = input + Math.min(row, inputRows - 1) * inputStride;
    if (!asymmetric) {
      PanelInput.copy(part.x, to, stride, from, columns, piece);
      return;
    }
    PanelInput.arrange(part.x, to, stride, from, columns, piece);
    long lanes = scratch[worker].atLeast(PanelInput.SCRATCH_BYTES);
    PanelInput.sumGroups(part.sums, row * sumsStride(), from, groups, group, lanes);
  }

  @Override
  public void close() {
    for (Scratch own : scratch) {
      own.close();
    }
  }
}
