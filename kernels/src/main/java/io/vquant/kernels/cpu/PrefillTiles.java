package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.BYTES;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.LowBitKeys;
import io.vquant.kernels.attention.LowBitValues;
import io.vquant.kernels.attention.ValuePrecision;
import io.vquant.kernels.quant.Float8E4M3;

/**
 * The operands of low-bit prefill attention of one KV head in memory, in tiles of 64 tokens: keys
 * and codes transposed {@code [headDim, 64]}, values {@code [64, headDim]}, and for each tile a
 * scale and a bias a token (minus infinity for lines and for what lies beyond the end). Lines are
 * gathered into tiles of their own behind the others.
 */
final class PrefillTiles {

  private static final int TILE = AttentionPrecision.TILE;
  private static final long ROW_BYTES = 4L * TILE;

  private final int headDim;
  private final boolean roundedValues;
  private final long matrixBytes;
  private final float[] valueScales;
  private long base;
  private int tiles;
  private int lineTiles;
  private int[] linePositions = {};

  PrefillTiles(int headDim, AttentionPrecision precision) {
    this.headDim = headDim;
    roundedValues = precision.value() == ValuePrecision.E4M3;
    matrixBytes = ROW_BYTES * headDim;
    valueScales = new float[headDim];
  }

  /** Bytes of a head with so many tokens and lines. */
  static long byteSize(int headDim, int tokens, int lines) {
    long slots = Math.ceilDiv(tokens, TILE) + (long) Math.ceilDiv(lines, TILE);
    return slots * (4 * ROW_BYTES * headDim + 3 * ROW_BYTES);
  }

  /** Lays out the keys alone, in the tiles of the sequence, so that lines can be chosen. */
  void setKeys(long address, LowBitKeys keys) {
    base = address;
    linePositions = new int[0];
    tiles = Math.ceilDiv(keys.tokens(), TILE);
    lineTiles = 0;
    int[] positions = new int[TILE];
    for (int tile = 0; tile < tiles; tile++) {
      takePositions(positions, tile, keys.tokens());
      transpose(keys(tile), keys.rows(), positions);
    }
  }

  /** Lays out a head at {@code address}, which has {@link #byteSize} bytes. */
  void set(long address, LowBitKeys keys, float[] values, LowBitValues lowBitValues, int[] lines) {
    setKeys(address, keys);
    linePositions = lines;
    lineTiles = Math.ceilDiv(lines.length, TILE);
    int[] positions = new int[TILE];
    for (int tile = 0; tile < tiles + lineTiles; tile++) {
      takePositions(positions, tile, keys.tokens());
      copyRows(values(tile), values, positions);
      if (tile >= tiles) {
        transpose(keys(tile), keys.rows(), positions);
      } else {
        transpose(codes(tile), keys.codes(), positions);
        if (roundedValues) {
          copyRows(lowBitValues(tile), lowBitValues.codes(), positions);
        }
      }
      scales(tile, positions, keys);
    }
    for (int c = 0; c < headDim; c++) {
      valueScales[c] = roundedValues ? lowBitValues.scale(c) / Float8E4M3.MAX_VALUE : 1;
    }
  }

  private void takePositions(int[] positions, int tile, int tokens) {
    for (int i = 0; i < TILE; i++) {
      positions[i] = positionAt(tile, i, tokens);
    }
  }

  /** The token in a column of a tile; -1 for none. */
  private int positionAt(int tile, int column, int tokens) {
    if (tile < tiles) {
      int position = tile * TILE + column;
      return position < tokens ? position : -1;
    }
    int line = (tile - tiles) * TILE + column;
    return line < linePositions.length ? linePositions[line] : -1;
  }

  private void transpose(long to, float[] rows, int[] positions) {
    for (int i = 0; i < TILE; i++) {
      int from = positions[i] * headDim;
      for (int c = 0; c < headDim; c++) {
        Simd.set(to + c * ROW_BYTES + 4L * i, positions[i] < 0 ? 0 : rows[from + c]);
      }
    }
  }

  private void copyRows(long to, float[] rows, int[] positions) {
    for (int i = 0; i < TILE; i++) {
      int from = positions[i] * headDim;
      for (int c = 0; c < headDim; c++) {
        Simd.set(to + 4L * ((long) i * headDim + c), positions[i] < 0 ? 0 : rows[from + c]);
      }
    }
  }

  private void scales(int tile, int[] positions, LowBitKeys keys) {
    for (int i = 0; i < TILE; i++) {
      int position = positions[i];
      boolean lineOrNone = position < 0 || (tile < tiles && keys.isLine(position));
      Simd.set(scales(tile) + 4L * i, position < 0 ? 0 : keys.scale(position));
      Simd.set(bias(tile) + 4L * i, lineOrNone ? Float.NEGATIVE_INFINITY : 0);
      Simd.set(exactBias(tile) + 4L * i, position < 0 ? Float.NEGATIVE_INFINITY : 0);
    }
  }

  private long slot(int tile) {
    return base + tile * (4 * matrixBytes + 3 * ROW_BYTES);
  }

  /** Transformed keys {@code [headDim, 64]}. */
  long keys(int tile) {
    return slot(tile);
  }

  /** Codes {@code [headDim, 64]}. */
  long codes(int tile) {
    return slot(tile) + matrixBytes;
  }

  /** Values {@code [64, headDim]}. */
  long values(int tile) {
    return slot(tile) + 2 * matrixBytes;
  }

  /** E4M3 values {@code [64, headDim]}. */
  long lowBitValues(int tile) {
    return slot(tile) + 3 * matrixBytes;
  }

  /** The scale of each token's codes. */
  long scales(int tile) {
    return slot(tile) + 4 * matrixBytes;
  }

  /** What is added to low-bit scores. */
  long bias(int tile) {
    return scales(tile) + ROW_BYTES;
  }

  /** What is added to exact scores. */
  long exactBias(int tile) {
    return scales(tile) + 2 * ROW_BYTES;
  }

  /** Tiles of gathered lines; their indices follow on {@link #tiles}. */
  int lineTiles() {
    return lineTiles;
  }

  /** Tiles of the sequence. */
  int tiles() {
    return tiles;
  }

  int linePosition(int line) {
    return line < linePositions.length ? linePositions[line] : Integer.MAX_VALUE;
  }

  /** What a channel of the low-bit output is multiplied by. */
  float valueScale(int channel) {
    return valueScales[channel];
  }

  int vectors() {
    return headDim * Float.BYTES / BYTES;
  }
}
