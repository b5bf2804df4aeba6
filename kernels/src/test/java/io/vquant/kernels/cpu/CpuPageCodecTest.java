package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.kvcache.GroupAxis;
import io.vquant.kernels.kvcache.GroupEncoding;
import io.vquant.kernels.kvcache.GroupLayout;
import io.vquant.kernels.kvcache.HeadRows;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.kvcache.PageCodec;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PageSample;
import io.vquant.kernels.quant.CodeBits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The vector codec against the scalar one, which is the specification: equal bits. */
class CpuPageCodecTest {

  private static final int[] HEAD_DIMS = {16, 32, 64, 80, 96, 128, 256};
  private static final long[] LINES = {
    0, 1, 0x8000_0000_0000_0001L, 0x00ff_1248_0f0f_0001L, -1, -2
  };
  private static final int OFFSET = 256;
  private static final byte OTHERS = 0x5a;

  static List<GroupLayout> layouts() {
    List<GroupLayout> layouts = new ArrayList<>();
    for (int headDim : HEAD_DIMS) {
      for (CodeBits bits : CodeBits.values()) {
        GroupEncoding channels = new GroupEncoding(bits, GroupAxis.PER_CHANNEL, 64);
        layouts.add(channels.layout(KvSide.KEYS, headDim));
        // Smaller heads have one group, whichever size is asked for.
        int[] groupSizes = headDim % 128 == 0 ? new int[] {64, 128} : new int[] {64};
        for (int groupSize : groupSizes) {
          GroupEncoding tokens = new GroupEncoding(bits, GroupAxis.PER_TOKEN, groupSize);
          layouts.add(tokens.layout(KvSide.KEYS, headDim));
          layouts.add(tokens.layout(KvSide.VALUES, headDim));
        }
      }
    }
    return layouts;
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void equalsTheScalarCodecBitForBit(GroupLayout layout) {
    PageCodec scalar = layout.encoding().codec(layout.side(), layout.headDim());
    try (Arena arena = Arena.ofConfined();
        CpuPageCodec vector = new CpuPageCodec(layout)) {
      assertThat(vector.byteSize()).isEqualTo(scalar.byteSize());
      MemorySegment expected = page(arena, layout);
      MemorySegment actual = page(arena, layout);
      HeadRows expectedRows = PageSample.empty(arena, layout.headDim());
      HeadRows actualRows = PageSample.empty(arena, layout.headDim());
      int index = 0;
      for (PageSample sample : PageSample.values()) {
        long seed = 31L * layout.headDim() + sample.name().hashCode();
        long lines = LINES[(layout.headDim() / 16 + index++) % LINES.length];
        String what = sample + ", seed " + seed + ", lines " + Long.toHexString(lines);
        HeadRows rows = sample.draw(arena, layout.headDim(), seed);
        scalar.encode(expected, OFFSET, rows, lines);
        vector.encode(actual, OFFSET, rows, lines);
        assertThat(actual.mismatch(expected)).as("encoded: %s", what).isEqualTo(-1);
        scalar.decode(expectedRows, expected, OFFSET);
        vector.decode(actualRows, expected, OFFSET);
        assertThat(actualRows.segment().mismatch(expectedRows.segment()))
            .as("decoded: %s", what)
            .isEqualTo(-1);
      }
    }
  }

  /** A page with neighbours that must stay as they are. */
  private static MemorySegment page(Arena arena, GroupLayout layout) {
    return arena.allocate(OFFSET + layout.byteSize() + 128, 128).fill(OTHERS);
  }

  @Test
  void everyLineMaskGivesTheScalarBits() {
    GroupEncoding encoding = new GroupEncoding(CodeBits.TWO, GroupAxis.PER_CHANNEL, 64);
    GroupLayout layout = encoding.layout(KvSide.KEYS, 32);
    PageCodec scalar = encoding.codec(KvSide.KEYS, 32);
    try (Arena arena = Arena.ofConfined();
        CpuPageCodec vector = new CpuPageCodec(layout)) {
      MemorySegment expected = page(arena, layout);
      MemorySegment actual = page(arena, layout);
      HeadRows rows = PageSample.GAUSSIAN.draw(arena, 32, 5);
      for (int i = 0; i < 200; i++) {
        long lines = i < 64 ? 1L << i : i < 128 ? ~(1L << i) : 0x9e3779b97f4a7c15L * i;
        scalar.encode(expected, OFFSET, rows, lines);
        vector.encode(actual, OFFSET, rows, lines);
        assertThat(actual.mismatch(expected)).as("lines %x", lines).isEqualTo(-1);
      }
    }
  }

  @Test
  void refusesWhatTheScalarCodecRefusesAndLeavesThePage() {
    GroupLayout layout =
        new GroupEncoding(CodeBits.FOUR, GroupAxis.PER_TOKEN, 64).layout(KvSide.VALUES, 64);
    float[] unstorable = {
      Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 65504.004f, -65536f, 1e30f
    };
    try (Arena arena = Arena.ofConfined();
        CpuPageCodec vector = new CpuPageCodec(layout)) {
      MemorySegment page = page(arena, layout);
      for (float value : unstorable) {
        for (int token : new int[] {0, 37, PageLayout.TOKENS - 1}) {
          HeadRows rows = PageSample.GAUSSIAN.draw(arena, 64, 1);
          rows.set(token, 63, value);
          assertThatThrownBy(() -> vector.encode(page, OFFSET, rows, 0))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("token " + token + " of the page, channel 63 is " + value);
          assertThat(page.toArray(ValueLayout.JAVA_BYTE)).containsOnly(OTHERS);
        }
      }
    }
  }

  @Test
  void refusesMemoryThatDoesNotFit() {
    GroupLayout layout =
        new GroupEncoding(CodeBits.FOUR, GroupAxis.PER_TOKEN, 64).layout(KvSide.KEYS, 64);
    try (Arena arena = Arena.ofConfined();
        CpuPageCodec vector = new CpuPageCodec(layout)) {
      MemorySegment page = arena.allocate(layout.byteSize(), 128);
      HeadRows rows = PageSample.ZEROS.draw(arena, 64, 1);
      HeadRows wide = PageSample.ZEROS.draw(arena, 80, 1);
      assertThatThrownBy(() -> vector.encode(page, 1, rows, 0)).hasMessageContaining("offset 1");
      assertThatThrownBy(() -> vector.decode(rows, page, -1)).hasMessageContaining("offset -1");
      assertThatThrownBy(() -> vector.encode(page, 0, wide, 0)).hasMessageContaining("expected 64");
      assertThatThrownBy(() -> vector.decode(wide, page, 0)).hasMessageContaining("expected 64");
    }
  }
}
