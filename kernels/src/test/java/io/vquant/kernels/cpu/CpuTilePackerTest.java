package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.kvcache.KeyTransform;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.ScalarTilePacker;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuTilePackerTest {

  @Test
  void pagesHaveTheBitsOfTheScalarPacker() {
    for (KvFormat format : KvFormats.ALL) {
      for (int headDim : new int[] {16, 48, 64, 80, 128}) {
        if (!format.isPlain()) {
          check(format, headDim);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "k4v4, 64, 64",
    "k4v4, 80, 200",
    "k8v4, 128, 321",
    "k2v2, 112, 130",
    "'k4v4,smooth=off', 48, 65",
    "'k4v4,hadamard=off', 64, 191",
    "'k2v2,smooth=off', 256, 1",
    "'k2v2,smooth=off,hadamard=off', 16, 70"
  })
  void transformedTilesHaveTheBitsOfTheScalarPacker(String policy, int headDim, int tokens) {
    KvLayerPolicy parsed = KvPolicy.parse(policy).base();
    PageLayout layout = new PageLayout(3, headDim, DType.BF16);
    int count = Math.ceilDiv(tokens, PageLayout.TOKENS);
    for (int threads : new int[] {1, 2}) {
      try (Arena arena = Arena.ofConfined();
          CpuContext context = new CpuContext(threads);
          CpuTilePacker packer = new CpuTilePacker(context)) {
        MemorySegment[] expected = tiles(arena, layout, count, headDim + tokens);
        MemorySegment[] found = tiles(arena, layout, count, headDim + tokens);
        KeyTransform scalar = active(parsed, layout);
        new ScalarTilePacker().transform(layout, expected, tokens, scalar);
        KeyTransform vectors = active(parsed, layout);
        packer.transform(layout, found, tokens, vectors);
        for (int token = 0; token < tokens; token++) {
          String what = "%s, head size %d, token %d".formatted(policy, headDim, token);
          assertThat(row(layout, found, token)).as(what).isEqualTo(row(layout, expected, token));
        }
        for (int i = 0; i < layout.numKvHeads() * headDim; i++) {
          assertThat(vectors.mean(i / headDim, i % headDim))
              .as("%s, head size %d, mean of channel %d", policy, headDim, i)
              .isEqualTo(scalar.mean(i / headDim, i % headDim));
        }
      }
    }
  }

  private static KeyTransform active(KvLayerPolicy policy, PageLayout layout) {
    KeyTransform transform = new KeyTransform(policy, layout.numKvHeads(), layout.headDim());
    transform.activate();
    return transform;
  }

  private static MemorySegment[] tiles(Arena arena, PageLayout layout, int count, int seed) {
    SplittableRandom random = new SplittableRandom(seed);
    MemorySegment[] tiles = new MemorySegment[count];
    for (int i = 0; i < count; i++) {
      tiles[i] = arena.allocate(layout.byteSize(), 128);
      for (long at = 0; at < layout.byteSize(); at += 2) {
        float value = (float) random.nextGaussian() * (random.nextInt(50) == 0 ? 90 : 1) + 0.5f;
        tiles[i].set(ValueLayout.JAVA_SHORT, at, BFloat16.fromFloat(value));
      }
    }
    return tiles;
  }

  /** The bits of one token's keys and values. */
  private static short[] row(PageLayout layout, MemorySegment[] tiles, int token) {
    MemorySegment tile = tiles[token / PageLayout.TOKENS];
    int slot = token % PageLayout.TOKENS;
    int headDim = layout.headDim();
    short[] row = new short[2 * layout.numKvHeads() * headDim];
    for (int i = 0; i < row.length / 2; i++) {
      long c = i % headDim;
      long key = layout.keysOffset(i / headDim) + 2 * (c * PageLayout.TOKENS + slot);
      long value = layout.valuesOffset(i / headDim) + 2 * ((long) slot * headDim + c);
      row[2 * i] = tile.get(ValueLayout.JAVA_SHORT, key);
      row[2 * i + 1] = tile.get(ValueLayout.JAVA_SHORT, value);
    }
    return row;
  }

  private static void check(KvFormat format, int headDim) {
    int heads = 3;
    int pages = 4;
    SplittableRandom random = new SplittableRandom(headDim);
    KvPageLayout layout = new KvPageLayout(format, heads, headDim);
    PageLayout tile = new PageLayout(heads, headDim, DType.BF16);
    long[] lines = random.longs((long) pages * heads).map(l -> l & random.nextLong()).toArray();
    try (Arena arena = Arena.ofConfined();
        CpuContext context = new CpuContext(2);
        CpuTilePacker packer = new CpuTilePacker(context)) {
      MemorySegment[] tiles = new MemorySegment[pages];
      MemorySegment[] expected = new MemorySegment[pages];
      MemorySegment[] found = new MemorySegment[pages];
      for (int i = 0; i < pages; i++) {
        tiles[i] = arena.allocate(tile.byteSize(), 128);
        for (long at = 0; at < tile.byteSize(); at += 2) {
          float value = (float) random.nextGaussian() * (random.nextInt(50) == 0 ? 90 : 1);
          tiles[i].set(ValueLayout.JAVA_SHORT, at, BFloat16.fromFloat(value));
        }
        expected[i] = arena.allocate(layout.byteSize(), 128);
        found[i] = arena.allocate(layout.byteSize(), 128);
        found[i].fill((byte) 0x5a);
      }
      new ScalarTilePacker().pack(layout, expected, tiles, lines);
      packer.pack(layout, found, tiles, lines);
      for (int i = 0; i < pages; i++) {
        assertThat(found[i].mismatch(expected[i]))
            .as("first different byte of page %d, %s, head size %d", i, format, headDim)
            .isEqualTo(-1);
      }
    }
  }
}
