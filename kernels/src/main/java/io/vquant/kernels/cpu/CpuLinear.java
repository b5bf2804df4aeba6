package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.cpu.Simd.load;
import static io.vquant.kernels.cpu.Simd.store;

import io.vquant.kernels.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T + b with the weight read in place.
 *
 * <p>One input row: dot products straight from the stored weight, at the rate memory delivers it.
 * More rows: as many weight rows as there are lanes meet tiles of input rows, read in place where
 * their type and length allow it, else from scratch that stays in cache. Both add in the same
 * order, so a row has the same bits either way.
 */
final class CpuLinear implements BlockLinear {

  /** Bytes of weights in a block of work with one input row: a few microseconds. */
  private static final int GEMV_BLOCK_BYTES = 64 << 10;

  private final CpuContext context;
  private final Tensor weight;
  private final float @Nullable [] bias;
  private final WeightRows rows;
  private final int outFeatures;
  private final int inFeatures;
  private final long weightAddress;
  private final long weightStride;
  private final boolean tilesInPlace;
  private final long stagedStride;
  private final int gemvBlockRows;
  private final ParallelTask task = this::runBlock;

  private long output;
  private long outputStride;
  private int inputRows;
  private int blockRows;

  CpuLinear(CpuContext context, Tensor weight, @Nullable Tensor bias) {
    this.context = context;
    this.weight = weight;
    this.bias = bias == null ? null : Operands.floats("bias", bias, weight.rows());
    outFeatures = weight.rows();
    inFeatures = weight.columns();
    rows = WeightRows.of(weight.dtype());
    weightAddress = Operands.address(weight);
    weightStride = weight.layout().rowStride() * weight.dtype().byteSize();
    tilesInPlace = rows.tilesInPlace(inFeatures);
    stagedStride = rows.stagedByteSize(inFeatures);
    long fitting = GEMV_BLOCK_BYTES / Math.max(1, weightStride);
    gemvBlockRows = (int) Math.max(1, fitting / LANES) * LANES;
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    int blocks = plan(out, x);
    arrange(x);
    context.pool().run(task, blocks);
  }

  @Override
  public boolean hasShapeOf(BlockLinear other) {
    return takesInputOf(other) && ((CpuLinear) other).outFeatures == outFeatures;
  }

  @Override
  public boolean takesInputOf(BlockLinear other) {
    return other instanceof CpuLinear dense
        && weight.dtype() == dense.weight.dtype()
        && inFeatures == dense.inFeatures;
  }

  @Override
  public int plan(Tensor out, Tensor x) {
    Operands.require("x", x, x.rows(), inFeatures);
    Operands.require("out", out, x.rows(), outFeatures);
    inputRows = x.rows();
    output = Operands.address(out);
    outputStride = Operands.stride(out);
    blockRows = inputRows == 1 ? gemvBlockRows : LANES;
    return Math.ceilDiv(outFeatures, blockRows);
  }

  /** The first weight row of a block of the planned work, or the end. */
  private int firstColumn(int block) {
    return Math.min(outFeatures, block * blockRows);
  }

  @Override
  public OutputBlock outputOf(int block) {
    int first = firstColumn(block);
    return new OutputBlock(0, inputRows, first, firstColumn(block + 1) - first);
  }

  @Override
  public void arrange(Tensor x) {
    context.input().begin(rows, x);
  }

  @Override
  public void runBlock(int block, int worker) {
    if (inputRows == 1) {
      gemvBlock(block, worker);
    } else {
      gemmBlock(block, worker);
    }
  }

  /**
   * The address of a weight row; rows past the end stand for the last one, their results unused.
   */
  private long weightRow(int row) {
    return weightAddress + Math.min(row, outFeatures - 1) * weightStride;
  }

  private void gemvBlock(int block, int worker) {
    int end = firstColumn(block + 1);
    long arranged = context.input().rows(worker);
    long accumulators = context.workerScratch(worker, (LANES + 2L) * BYTES);
    long staging = accumulators + (long) LANES * BYTES;
    for (int first = firstColumn(block); first < end; first += LANES) {
      for (int i = 0; i < LANES; i++) {
        long accumulator = accumulators + (long) i * BYTES;
        rows.accumulate(accumulator, weightRow(first + i), arranged, inFeatures, staging);
      }
      LaneReduction.reduce(accumulators, accumulators);
      writeRow(output, accumulators, first, Math.min(LANES, end - first));
    }
  }

  private void gemmBlock(int block, int worker) {
    long accumulatorBytes = (long) DotTile.ROWS * LANES * BYTES;
    long accumulators = context.workerScratch(worker, accumulatorBytes + LANES * stagedStride);
    int first = firstColumn(block);
    long w = weightRow(first);
    long wStride = weightStride;
    if (!tilesInPlace || first + LANES > outFeatures) {
      w = accumulators + accumulatorBytes;
      wStride = stagedStride;
      for (int i = 0; i < LANES; i++) {
        rows.stageForTile(w + i * stagedStride, weightRow(first + i), inFeatures);
      }
    }
    int count = firstColumn(block + 1) - first;
    long x = context.input().rows(worker);
    long xStride = context.input().stride();
    for (int row = 0; row < inputRows; row += DotTile.ROWS) {
      for (int column = 0; column < count; column += DotTile.COLUMNS) {
        long tile = accumulators + (long) column * BYTES;
        rows.tile(tile, w + column * wStride, wStride, x + row * xStride, xStride, inFeatures);
      }
      writeTiles(row, first, count, accumulators);
    }
  }

  /** Sums up the accumulators of the rows of a tile. */
  private void writeTiles(int row, int first, int count, long accumulators) {
    int end = Math.min(row + DotTile.ROWS, inputRows);
    for (int i = row; i < end; i++) {
      long ofRow = accumulators + (long) (i - row) * LANES * BYTES;
      LaneReduction.reduce(ofRow, ofRow);
      writeRow(output + i * outputStride, ofRow, first, count);
    }
  }

  private void writeRow(long outputRow, long sums, int column, int count) {
    long to = outputRow + 4L * column;
    if (count < LANES) {
      writeElements(to, sums, column, count);
      return;
    }
    FloatVector vector = load(sums);
    if (bias != null) {
      vector = vector.add(FloatVector.fromArray(FLOATS, bias, column));
    }
    store(vector, to);
  }

  private void writeElements(long to, long sums, int column, int count) {
    for (int i = 0; i < count; i++) {
      float sum = Simd.get(sums + 4L * i);
      Simd.set(to + 4L * i, bias == null ? sum : sum + bias[column + i]);
    }
  }

  /** The weight, whose storage must stay reachable as long as this operator is used. */
  Tensor weight() {
    return weight;
  }
}
