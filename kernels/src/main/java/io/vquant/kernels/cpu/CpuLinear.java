package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;
import static io.vquant.kernels.cpu.Simd.LANES;

import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.tensor.Tensor;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T + b with the weight read in place.
 *
 * <p>One input row: dot products straight from the stored weight, at the rate memory delivers it.
 * More rows: eight weight rows at a time become F32 in scratch that stays in cache, and meet tiles
 * of input rows. Both add in the same order, so a row has the same bits either way.
 */
final class CpuLinear implements LinearOperator {

  /** Sums are written by fours: the columns of a tile. */
  private static final VectorSpecies<Float> QUAD = FloatVector.SPECIES_128;

  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  /** Bytes of weights in a block of work with one input row: a few microseconds. */
  private static final int GEMV_BLOCK_BYTES = 64 << 10;

  /** Weight rows in a block of work with many input rows. */
  private static final int GEMM_BLOCK_ROWS = 32;

  /** Weight rows that are unpacked together: each input row that comes by meets them all. */
  private static final int UNPACKED_ROWS = 8;

  /** Input rows are worked off in groups that stay in the second-level cache. */
  private static final int INPUT_GROUP_BYTES = 384 << 10;

  private final CpuContext context;
  private final Tensor weight;
  private final float @Nullable [] bias;
  private final WeightRows rows;
  private final int outFeatures;
  private final int inFeatures;
  private final long weightAddress;
  private final long weightStride;
  private final int vectors;
  private final long arrangedStride;
  private final int gemvBlockRows;
  private final ParallelTask arrangeTask = this::arrangeRow;
  private final ParallelTask gemvTask = this::gemvBlock;
  private final ParallelTask gemmTask = this::gemmBlock;

  private long arranged;
  private long input;
  private long inputStride;
  private long output;
  private long outputStride;
  private int inputRows;

  CpuLinear(CpuContext context, Tensor weight, @Nullable Tensor bias) {
    this.context = context;
    this.weight = weight;
    this.bias = bias == null ? null : Operands.floats("bias", bias, weight.rows());
    outFeatures = weight.rows();
    inFeatures = weight.columns();
    rows = WeightRows.of(weight.dtype());
    weightAddress = Operands.address(weight);
    weightStride = weight.layout().rowStride() * weight.dtype().byteSize();
    vectors = rows.vectors(inFeatures);
    arrangedStride = (long) vectors * BYTES;
    long fitting = GEMV_BLOCK_BYTES / Math.max(1, weightStride);
    gemvBlockRows = (int) Math.max(1, fitting / LANES) * LANES;
  }

  @Override
  public void forward(Tensor out, Tensor x) {
    Operands.require("x", x, x.rows(), inFeatures);
    Operands.require("out", out, x.rows(), outFeatures);
    inputRows = x.rows();
    input = Operands.address(x);
    inputStride = x.layout().rowStride() * Float.BYTES;
    output = Operands.address(out);
    outputStride = out.layout().rowStride() * Float.BYTES;
    int paddedRows = Simd.roundUp(inputRows, DotTile.ROWS);
    arranged = context.sharedScratch(paddedRows * arrangedStride);
    if (inputRows == 1) {
      arrangeRow(0, 0);
      context.pool().run(gemvTask, Math.ceilDiv(outFeatures, gemvBlockRows));
    } else {
      context.pool().run(arrangeTask, paddedRows);
      context.pool().run(gemmTask, Math.ceilDiv(outFeatures, GEMM_BLOCK_ROWS));
    }
  }

  private void arrangeRow(int row, int worker) {
    long to = arranged + row * arrangedStride;
    if (row < inputRows) {
      rows.arrangeInput(to, input + row * inputStride, inFeatures);
    } else {
      Simd.zero(to, arrangedStride);
    }
  }

  /**
   * The address of a weight row; rows past the end stand for the last one, their results unused.
   */
  private long weightRow(int row) {
    return weightAddress + Math.min(row, outFeatures - 1) * weightStride;
  }

  private void gemvBlock(int block, int worker) {
    int end = Math.min(outFeatures, (block + 1) * gemvBlockRows);
    long accumulators = context.workerScratch(worker, (LANES + 2L) * BYTES);
    long staging = accumulators + (long) LANES * BYTES;
    for (int first = block * gemvBlockRows; first < end; first += LANES) {
      for (int i = 0; i < LANES; i++) {
        long accumulator = accumulators + (long) i * BYTES;
        rows.accumulate(accumulator, weightRow(first + i), arranged, inFeatures, staging);
      }
      LaneReduction.reduce(accumulators);
      writeRow(output, accumulators, first, Math.min(LANES, end - first));
    }
  }

  private void gemmBlock(int block, int worker) {
    long needed = (long) LANES * BYTES + UNPACKED_ROWS * arrangedStride;
    long accumulators = context.workerScratch(worker, needed);
    long unpacked = accumulators + (long) LANES * BYTES;
    int end = Math.min(outFeatures, (block + 1) * GEMM_BLOCK_ROWS);
    int fitting = (int) Math.max(1, INPUT_GROUP_BYTES / arrangedStride / DotTile.ROWS);
    int groupRows = fitting * DotTile.ROWS;
    for (int group = 0; group < inputRows; group += groupRows) {
      int groupEnd = Math.min(inputRows, group + groupRows);
      for (int first = block * GEMM_BLOCK_ROWS; first < end; first += UNPACKED_ROWS) {
        for (int i = 0; i < UNPACKED_ROWS; i++) {
          rows.unpack(unpacked + i * arrangedStride, weightRow(first + i), inFeatures);
        }
        int columnEnd = Math.min(end, first + UNPACKED_ROWS);
        for (int row = group; row < groupEnd; row += DotTile.ROWS) {
          tileRow(
              row,
              Math.min(DotTile.ROWS, groupEnd - row),
              first,
              columnEnd,
              accumulators,
              unpacked);
        }
      }
    }
  }

  /** The tiles of a few input rows with the unpacked weight rows. */
  private void tileRow(
      int row, int rowCount, int first, int columnEnd, long accumulators, long unpacked) {
    long x = arranged + row * arrangedStride;
    for (int column = first; column < columnEnd; column += DotTile.COLUMNS) {
      long w = unpacked + (column - first) * arrangedStride;
      DotTile.accumulate(accumulators, w, arrangedStride, x, arrangedStride, vectors);
      LaneReduction.reduce(accumulators);
      int count = Math.min(DotTile.COLUMNS, columnEnd - column);
      for (int i = 0; i < rowCount; i++) {
        long sums = accumulators + (long) i * DotTile.COLUMNS * Float.BYTES;
        writeRow(output + (row + i) * outputStride, sums, column, count);
      }
    }
  }

  private void writeRow(long outputRow, long sums, int column, int count) {
    long to = outputRow + 4L * column;
    if (count % QUAD.length() != 0) {
      writeElements(to, sums, column, count);
      return;
    }
    for (int i = 0; i < count; i += QUAD.length()) {
      FloatVector quad = FloatVector.fromMemorySegment(QUAD, Simd.MEMORY, sums + 4L * i, ORDER);
      if (bias != null) {
        quad = quad.add(FloatVector.fromArray(QUAD, bias, column + i));
      }
      quad.intoMemorySegment(Simd.MEMORY, to + 4L * i, ORDER);
    }
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
