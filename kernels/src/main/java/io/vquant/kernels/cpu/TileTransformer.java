package io.vquant.kernels.cpu;

import static io.vquant.kernels.cpu.Simd.FLOATS;
import static io.vquant.kernels.cpu.Simd.LANES;

import io.vquant.kernels.kvcache.KeyTransform;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.TilePacker;
import io.vquant.kernels.quant.HadamardTransform;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * One {@link TilePacker#transform} on all threads. Keys lie transposed in a tile: a butterfly of
 * the Walsh-Hadamard transform is the sum and the difference of two rows of tokens.
 */
final class TileTransformer {

  private static final int TOKENS = PageLayout.TOKENS;

  /** As many 16-bit elements as a vector has floats. */
  private static final VectorSpecies<Short> HALVES =
      VectorSpecies.of(short.class, VectorShape.forBitSize(LANES * Short.SIZE));

  /** Channels whose sums grow side by side: one alone waits for each addition. */
  private static final int SUMS = 4;

  private final CpuContext context;
  private final PageLayout layout;
  private final int heads;
  private final int headDim;
  private final MemorySegment[] tiles;
  private final int tokens;
  private final KeyTransform transform;
  private final int @Nullable [] keyBlocks;
  private final @Nullable HadamardRows valueRows;
  private final float[][] floats;
  private final double[] tileSums;

  TileTransformer(
      CpuContext context,
      PageLayout layout,
      MemorySegment[] tiles,
      int tokens,
      KeyTransform transform) {
    this.context = context;
    this.layout = layout;
    this.tiles = tiles;
    this.tokens = tokens;
    this.transform = transform;
    heads = layout.numKvHeads();
    headDim = layout.headDim();
    HadamardTransform keys = transform.keys();
    HadamardTransform values = transform.values();
    keyBlocks = keys == null ? null : keys.blocks();
    valueRows = values == null ? null : new HadamardRows(values);
    floats = new float[context.pool().threads()][headDim * TOKENS];
    tileSums = new double[transform.isSmooth() ? tiles.length * heads * headDim : 0];
  }

  void run() {
    int blocks = tiles.length * heads;
    if (transform.isSmooth()) {
      context.pool().run(this::sumKeys, blocks);
      setMeans();
    }
    context.pool().run(this::rewrite, blocks);
  }

  private void sumKeys(int block, int worker) {
    float[] keys = floats[worker];
    transformedKeys(keys, block);
    int inTile = Math.min(TOKENS, tokens - block / heads * TOKENS);
    for (int channel = 0; channel < headDim; channel += SUMS) {
      sumRows(tileSums, block * headDim + channel, keys, channel * TOKENS, inTile);
    }
  }

  /** Sums {@link #SUMS} rows, each in the order of its tokens. */
  private static void sumRows(double[] sums, int to, float[] rows, int first, int count) {
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    for (int i = first; i < first + count; i++) {
      sum0 += rows[i];
      sum1 += rows[i + TOKENS];
      sum2 += rows[i + 2 * TOKENS];
      sum3 += rows[i + 3 * TOKENS];
    }
    sums[to] = sum0;
    sums[to + 1] = sum1;
    sums[to + 2] = sum2;
    sums[to + 3] = sum3;
  }

  private void setMeans() {
    int width = heads * headDim;
    for (int i = 0; i < width; i++) {
      double sum = 0;
      for (int at = i; at < tileSums.length; at += width) {
        sum += tileSums[at];
      }
      transform.setMean(i / headDim, i % headDim, (float) (sum / tokens));
    }
  }

  private void rewrite(int block, int worker) {
    float[] elements = floats[worker];
    int head = block % heads;
    long tile = tiles[block / heads].address();
    if (keyBlocks != null || transform.isSmooth()) {
      transformedKeys(elements, block);
      for (int channel = 0; channel < headDim; channel++) {
        subtract(elements, channel * TOKENS, transform.mean(head, channel));
      }
      round(tile + layout.keysOffset(head), elements);
    }
    if (valueRows != null) {
      widen(elements, tile + layout.valuesOffset(head));
      valueRows.apply(elements, 0, TOKENS);
      round(tile + layout.valuesOffset(head), elements);
    }
  }

  /** Writes one head's keys {@code [headDim, 64]}, transformed, no mean subtracted. */
  private void transformedKeys(float[] keys, int block) {
    widen(keys, tiles[block / heads].address() + layout.keysOffset(block % heads));
    if (keyBlocks == null) {
      return;
    }
    int from = 0;
    for (int size : keyBlocks) {
      for (int h = 1; h < size; h *= 2) {
        for (int start = from; start < from + size; start += 2 * h) {
          butterflies(keys, start * TOKENS, h * TOKENS);
        }
      }
      scale(keys, from * TOKENS, size * TOKENS, HadamardTransform.normalization(size));
      from += size;
    }
  }

  /** {@code (a, b) = (a + b, a - b)} for {@code distance} elements and those as far behind. */
  private static void butterflies(float[] elements, int first, int distance) {
    for (int i = first; i < first + distance; i += LANES) {
      FloatVector a = FloatVector.fromArray(FLOATS, elements, i);
      FloatVector b = FloatVector.fromArray(FLOATS, elements, i + distance);
      a.add(b).intoArray(elements, i);
      a.sub(b).intoArray(elements, i + distance);
    }
  }

  private static void scale(float[] elements, int first, int count, float factor) {
    for (int i = first; i < first + count; i += LANES) {
      FloatVector.fromArray(FLOATS, elements, i).mul(factor).intoArray(elements, i);
    }
  }

  private static void subtract(float[] elements, int first, float mean) {
    for (int i = first; i < first + TOKENS; i += LANES) {
      FloatVector.fromArray(FLOATS, elements, i).sub(mean).intoArray(elements, i);
    }
  }

  private static void widen(float[] elements, long halves) {
    for (int i = 0; i < elements.length; i += LANES) {
      CodeFloats.bf16(halves + 2L * i).intoArray(elements, i);
    }
  }

  /** To the nearest BF16, ties to even; what is stored is finite. */
  private static void round(long halves, float[] elements) {
    for (int i = 0; i < elements.length; i += LANES) {
      IntVector bits = FloatVector.fromArray(FLOATS, elements, i).reinterpretAsInts();
      IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
      IntVector upper = bits.add(odd).add(0x7fff).lanewise(VectorOperators.LSHR, 16);
      ShortVector rounded = (ShortVector) upper.convertShape(VectorOperators.I2S, HALVES, 0);
      rounded.intoMemorySegment(Simd.MEMORY, halves + 2L * i, ByteOrder.LITTLE_ENDIAN);
    }
  }
}
