package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.ScalarTilePacker;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

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
