package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.LANES;
import static io.vquant.kernels.quant.PanelLayout.PANEL_ROWS;

import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * y = x W^T + b with a weight in codes.
 *
 * <p>Up to {@link ArrangedCodeInput#FEW_ROWS} input rows: a panel of codes meets each of them
 * straight from memory, or from the cache after the first. More rows: the codes of a group become
 * F32 that stays in the first-level cache and meet tiles of input rows. Each sum is taken in one
 * order, group by group, then the outliers, so a row has the same bits either way, on vectors of
 * any width.
 */
final class CpuQuantizedLinear implements BlockLinear {

  /** Bytes of codes in a block of work with few input rows: some microseconds. */
  private static final int FEW_BLOCK_BYTES = 24 << 10;

  /** Input rows that share unpacked codes. */
  private static final int INPUT_GROUP = 128;

  /**
   * Groups whose chains are kept before their grids are applied. Few, so that scales and zeros are
   * read along with the codes and not in bursts that wait for memory.
   */
  private static final int PIECE_GROUPS = 4;

  /** Columns that are unpacked at once: with 4 bits a word of each row. */
  private static final int SLICE = CodePanel.CODES_A_WORD;

  /** Bytes of a word of each row of a panel. */
  private static final long WORD_BYTES = (long) PANEL_ROWS * Integer.BYTES;

  /** Tiles of a panel. */
  private static final int TILES = PANEL_ROWS / CodePanel.ROWS;

  private final CpuContext context;
  private final QuantizedWeight weight;
  private final PanelLayout layout;
  private final int columns;
  private final float @Nullable [] bias;
  private final long codes;
  private final long scales;
  private final long zeros;
  private final long laneBytes;
  private final int blockPanels;
  private final ArrangedCodeInput arranged;
  private final ParallelTask task = this::runBlock;

  private long input;
  private long inputStride;
  private int inputRows;
  private long output;
  private long outputStride;

  CpuQuantizedLinear(CpuContext context, QuantizedWeight weight, @Nullable Tensor bias) {
    this.context = context;
    arranged = context.codeInput();
    this.weight = weight;
    this.bias = bias == null ? null : Operands.floats("bias", bias, weight.rows());
    layout = weight.layout();
    columns = layout.columns();
    laneBytes = weight.scheme().isAsymmetric() ? Integer.BYTES : Byte.BYTES;
    codes = address(weight.codes());
    scales = address(weight.scales());
    zeros = weight.scheme().isAsymmetric() ? address(weight.zeros()) : 0;
    blockPanels = (int) Math.max(1, FEW_BLOCK_BYTES / layout.panelCodeBytes());
  }

  private static long address(Storage storage) {
    return QuantizedWeight.segment(storage).address();
  }

  @Override
  public void forward(Tensor out, Tensor in) {
    int blocks = plan(out, in);
    arrange(in);
    context.pool().run(task, blocks);
  }

  @Override
  public int plan(Tensor out, Tensor in) {
    Operands.require("x", in, in.rows(), columns);
    Operands.require("out", out, in.rows(), layout.rows());
    inputRows = in.rows();
    input = Operands.address(in);
    inputStride = Operands.stride(in);
    output = Operands.address(out);
    outputStride = Operands.stride(out);
    return isFew()
        ? Math.ceilDiv(layout.panels(), blockPanels)
        : tiles() * Math.ceilDiv(inputRows, INPUT_GROUP);
  }

  @Override
  public void arrange(Tensor in) {
    arranged.begin(layout, in);
  }

  @Override
  public void runBlock(int block, int worker) {
    if (isFew()) {
      fewBlock(block, worker);
    } else {
      manyBlock(block, worker);
    }
  }

  @Override
  public OutputBlock outputOf(int block) {
    if (isFew()) {
      int first = block * blockPanels * PANEL_ROWS;
      int end = Math.min(layout.rows(), first + blockPanels * PANEL_ROWS);
      return new OutputBlock(0, inputRows, first, end - first);
    }
    int firstRow = block / tiles() * INPUT_GROUP;
    int first = block % tiles() * CodePanel.ROWS;
    int rows = Math.min(INPUT_GROUP, inputRows - firstRow);
    int width = Math.clamp(layout.rows() - first, 0, CodePanel.ROWS);
    return new OutputBlock(firstRow, rows, first, width);
  }

  @Override
  public boolean takesInputOf(BlockLinear other) {
    return other instanceof CpuQuantizedLinear coded
        && columns == coded.columns
        && weight.scheme().group() == coded.weight.scheme().group()
        && weight.scheme().isAsymmetric() == coded.weight.scheme().isAsymmetric();
  }

  @Override
  public boolean hasShapeOf(BlockLinear other) {
    return takesInputOf(other) && ((CpuQuantizedLinear) other).layout.rows() == layout.rows();
  }

  private boolean isFew() {
    return ArrangedCodeInput.isFew(inputRows);
  }

  /** Tiles of weight rows, padding of the last panel included. */
  private int tiles() {
    return layout.panels() * TILES;
  }

  private void fewBlock(int block, int worker) {
    long sums = context.workerScratch(worker, (1L + PIECE_GROUPS) * PanelTile.STRIDE);
    float[] x = arranged.few(worker);
    float[] groupSums = arranged.fewSums(worker);
    int end = Math.min(layout.panels(), (block + 1) * blockPanels);
    for (int panel = block * blockPanels; panel < end; panel++) {
      for (int row = 0; row < inputRows; row++) {
        for (int lane = 0; lane < PANEL_ROWS; lane += CodePanel.ROWS) {
          Simd.zero(sums, PanelTile.STRIDE);
          multiplyPanel(sums, x, groupSums, panel, row, lane);
          addOutliers(sums, panel, row, lane);
          int first = panel * PANEL_ROWS + lane;
          int count = Math.min(CodePanel.ROWS, layout.rows() - first);
          writeRow(output + row * outputStride, sums, first, count);
        }
      }
    }
  }

  private void multiplyPanel(
      long sums, float[] x, float[] groupSums, int panel, int row, int lane) {
    long chains = sums + PanelTile.STRIDE;
    int group = weight.scheme().group();
    long grids = panel * layout.panelScaleBytes() + 2L * lane;
    for (int g = 0; g < layout.groups(); g += PIECE_GROUPS) {
      int count = Math.min(PIECE_GROUPS, layout.groups() - g);
      int x0 = row * columns + g * group;
      long code = codeAddress(panel, lane, g);
      long grid = grids + 2L * g * PANEL_ROWS;
      if (zeros == 0) {
        CodePanel.eight(chains, code, x, x0, count, group);
        PanelGrids.scale(sums, chains, scales + grid, count);
      } else {
        CodePanel.four(chains, code, x, x0, count, group / CodePanel.CODES_A_WORD);
        int g0 = row * arranged.sumsStride() + g;
        PanelGrids.fold(sums, chains, scales + grid, zeros + grid, groupSums, g0, count);
      }
    }
  }

  /** Where the codes of some rows of a group start. */
  private long codeAddress(int panel, int lane, int group) {
    long groupBytes = layout.panelCodeBytes() / layout.groups();
    return codes + panel * layout.panelCodeBytes() + group * groupBytes + lane * laneBytes;
  }

  /** One tile's width of weight rows with up to {@link #INPUT_GROUP} input rows. */
  private void manyBlock(int block, int worker) {
    int tile = block % tiles();
    int panel = tile / TILES;
    int lane = tile % TILES * CodePanel.ROWS;
    int firstRow = block / tiles() * INPUT_GROUP;
    int rows = Math.min(INPUT_GROUP, inputRows - firstRow);
    int group = weight.scheme().group();
    long sumBytes = Simd.roundUp(rows, PanelTile.ROWS) * PanelTile.STRIDE;
    long unpackedBytes = (group + 2) * PanelTile.STRIDE;
    long sums = context.workerScratch(worker, sumBytes + 2 * unpackedBytes);
    long unpacked = sums + sumBytes;
    long next = unpacked + unpackedBytes;
    Simd.zero(sums, sumBytes);
    unpackSlices(unpacked, panel, lane, 0, 0, group / SLICE);
    for (int g = 0; g < layout.groups(); g++) {
      addGroup(sums, unpacked, next, panel, lane, firstRow, rows, g);
      long added = unpacked;
      unpacked = next;
      next = added;
    }
    int first = panel * PANEL_ROWS + lane;
    int count = Math.min(CodePanel.ROWS, layout.rows() - first);
    for (int row = 0; row < rows; row++) {
      long rowSums = sums + row * PanelTile.STRIDE;
      addOutliers(rowSums, panel, firstRow + row, lane);
      writeRow(output + (firstRow + row) * outputStride, rowSums, first, count);
    }
  }

  /**
   * Adds a group of columns and unpacks the next one, a few columns at a time between tiles: memory
   * then delivers its codes while products are computed.
   */
  private void addGroup(
      long sums, long unpacked, long next, int panel, int lane, int firstRow, int rows, int g) {
    int group = weight.scheme().group();
    int slices = g + 1 < layout.groups() ? group / SLICE : 0;
    int done = 0;
    float[] x = arranged.many();
    int x0 = (g * arranged.paddedRows() + firstRow) * (group + 1);
    for (int row = 0; row < rows; row += PanelTile.ROWS) {
      PanelTile.addGroup(sums + row * PanelTile.STRIDE, unpacked, group, zeros != 0, x, x0);
      x0 += PanelTile.ROWS * (group + 1);
      int due = Math.min(slices, slices * (row + PanelTile.ROWS) / rows);
      unpackSlices(next, panel, lane, g + 1, done, due);
      done = due;
    }
  }

  /**
   * Slices of a group as F32, and before the first its scales and zeros.
   *
   * @param unpacked as {@link PanelTile} takes it
   */
  private void unpackSlices(long unpacked, int panel, int lane, int g, int first, int end) {
    if (first == end) {
      return;
    }
    if (first == 0) {
      unpackGrids(unpacked + weight.scheme().group() * PanelTile.STRIDE, panel, lane, g);
    }
    long to = unpacked + (long) first * SLICE * PanelTile.STRIDE;
    long code = codeAddress(panel, lane, g);
    if (zeros == 0) {
      long from = code + (long) first * SLICE * PANEL_ROWS;
      PanelFloats.unpackBytes(to, from, (end - first) * SLICE);
    } else {
      PanelFloats.unpackWords(to, code + first * WORD_BYTES, end - first);
    }
  }

  private void unpackGrids(long grids, int panel, int lane, int g) {
    long from = panel * layout.panelScaleBytes() + 2L * (g * PANEL_ROWS + lane);
    CodeFloats.widenHalves(grids, scales + from, CodePanel.ROWS);
    if (zeros != 0) {
      CodeFloats.widenHalves(grids + PanelTile.STRIDE, zeros + from, CodePanel.ROWS);
    }
  }

  /**
   * The outliers of a panel's rows from {@code lane} on, as many as are in {@code sums}.
   *
   * @param row of the input
   */
  private void addOutliers(long sums, int panel, int row, int lane) {
    int[] starts = weight.outliers().starts();
    if (starts[panel] == starts[panel + 1]) {
      return;
    }
    long from = input + row * inputStride;
    int[] places = weight.outliers().places();
    float[] differences = weight.outliers().differences();
    for (int i = starts[panel]; i < starts[panel + 1]; i++) {
      int within = places[i] % PANEL_ROWS - lane;
      if (within >= 0 && within < CodePanel.ROWS) {
        float value = Simd.get(from + 4L * (places[i] / PANEL_ROWS));
        long at = sums + 4L * within;
        Simd.set(at, Math.fma(value, differences[i], Simd.get(at)));
      }
    }
  }

  private void writeRow(long outputRow, long sums, int first, int count) {
    long to = outputRow + 4L * first;
    if (count <= 0) {
      return; // the padding of the last panel
    }
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector values = Simd.load(sums + 4L * i);
      if (bias != null) {
        values = values.add(FloatVector.fromArray(Simd.FLOATS, bias, first + i));
      }
      Simd.store(values, to + 4L * i);
    }
    for (; i < count; i++) {
      float sum = Simd.get(sums + 4L * i);
      Simd.set(to + 4L * i, bias == null ? sum : sum + bias[first + i]);
    }
  }
}
