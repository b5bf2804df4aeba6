package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.LineRanking;
import io.vquant.kernels.attention.LowBitKeys;
import io.vquant.kernels.attention.LowBitQueries;
import io.vquant.kernels.attention.LowBitValues;
import io.vquant.kernels.attention.ObservationScores;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.LineScore;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.quant.HadamardTransform;
import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One KV head's hot tokens, made ready for low-bit attention: read from their 16-bit tiles, lines
 * chosen, quantized and laid out. Positions count from the layer's first hot token. Keys in the
 * tiles of a layer that has packed something have gone through the Hadamard transform already.
 */
final class HotHead {

  private static final int TILE = AttentionPrecision.TILE;

  private final AttentionSpec spec;
  private final int headDim;
  private final LowBitKeys keys;
  private final LowBitValues unroundedValues;
  private final PrefillTiles tiles;
  private final LineObserver observer;
  private final @Nullable HadamardTransform hadamard;
  private final float[] observed;
  private float[] values = {};

  HotHead(AttentionSpec spec, AttentionPrecision precision) {
    this.spec = spec;
    headDim = spec.headDim();
    keys = new LowBitKeys(headDim, precision.withTransform(precision.smoothK(), false));
    unroundedValues = new LowBitValues(headDim);
    tiles = new PrefillTiles(headDim, precision);
    observer = new LineObserver(spec);
    hadamard = precision.hadamard() ? new HadamardTransform(headDim) : null;
    int rows = ObservationScores.ROWS * spec.groupSize();
    observed = new float[Simd.roundUp(rows, OuterTile.ROWS) * headDim];
  }

  long scratchByteSize() {
    return observer.scratchByteSize();
  }

  LowBitKeys keys() {
    return keys;
  }

  PrefillTiles tiles() {
    return tiles;
  }

  /**
   * Makes a head ready.
   *
   * @param scratch memory of {@link #scratchByteSize()}
   * @param memory where the tiles are laid out
   * @param q queries of the last positions
   * @param firstPosition of the first of them
   * @param tokens hot tokens up to the last of them
   */
  void prepare(
      long scratch,
      long memory,
      LineKvLayer layer,
      int kvHead,
      Tensor q,
      int firstPosition,
      int tokens) {
    if (values.length < tokens * headDim) {
      values = new float[Simd.roundUp(tokens, TILE) * headDim];
    }
    read(layer, kvHead, tokens);
    keys.transform(tokens);
    tiles.setKeys(memory, keys);
    int positions = Math.min(ObservationScores.ROWS, tokens - firstPosition);
    loadObserved(q, kvHead, positions);
    KvLayerPolicy policy = layer.spec().policy();
    double[] scores =
        observer.scores(
            scratch,
            tiles,
            observed,
            tokens - positions,
            positions,
            policy.score() == LineScore.SQUARED_WEIGHT);
    int count = policy.slabRows(layer.hotStart() + tokens);
    int[] lines = LineRanking.of(scores, policy.window()).first(count);
    keys.quantize(lines);
    tiles.set(memory, keys, values, unroundedValues, lines);
  }

  private void read(LineKvLayer layer, int kvHead, int tokens) {
    PageLayout layout = layer.tileLayout();
    float[] keyRows = keys.buffer(tokens);
    for (int tile = 0; tile * TILE < tokens; tile++) {
      long base = layer.hotTile(tile).address();
      long keyBase = base + layout.keysOffset(kvHead);
      long valueBase = base + layout.valuesOffset(kvHead);
      int inTile = Math.min(TILE, tokens - tile * TILE);
      for (int slot = 0; slot < inTile; slot++) {
        int to = (tile * TILE + slot) * headDim;
        for (int c = 0; c < headDim; c++) {
          keyRows[to + c] = bf16(keyBase + 2L * (c * TILE + slot));
          values[to + c] = bf16(valueBase + 2L * (slot * headDim + c));
        }
        if (hadamard != null && layer.keyTransform() == null) {
          hadamard.apply(keyRows, to);
        }
      }
    }
  }

  private static float bf16(long address) {
    return BFloat16.toFloat(Simd.MEMORY.get(Simd.SHORT, address));
  }

  private void loadObserved(Tensor q, int kvHead, int positions) {
    int group = spec.groupSize();
    float scale = spec.softmaxScale() * LowBitQueries.LOG2_E;
    Arrays.fill(observed, 0);
    for (int row = 0; row < positions * group; row++) {
      int qRow = q.rows() - positions + row / group;
      int head = kvHead * group + row % group;
      long from = q.segment().address() + q.rowByteOffset(qRow) + 4L * head * headDim;
      int at = row * headDim;
      SoftmaxRows.scaled(observed, at, from, headDim, 1);
      if (hadamard != null) {
        hadamard.apply(observed, at);
      }
      for (int i = at; i < at + headDim; i++) {
        observed[i] *= scale;
      }
    }
  }
}
