package io.vquant.kernels.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.quant.AffineGrid;
import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.quant.GroupQuantizer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GroupCodecTest {

  private static GroupEncoding perToken(int bits) {
    return new GroupEncoding(CodeBits.of(bits), GroupAxis.PER_TOKEN, 64);
  }

  private static byte[] encode(GroupEncoding encoding, KvSide side, HeadRows rows, long lines) {
    try (Arena arena = Arena.ofConfined()) {
      PageCodec codec = encoding.codec(side, rows.headDim());
      MemorySegment page = arena.allocate(codec.byteSize(), 128).fill((byte) 0x77);
      codec.encode(page, 0, rows, lines);
      return page.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** Channel c of every token is c: at 4 bits code c, scale 1, zero 0, by hand. */
  private static HeadRows ramp(Arena arena) {
    HeadRows rows = PageSample.empty(arena, 16);
    for (int token = 0; token < PageLayout.TOKENS; token++) {
      for (int channel = 0; channel < 16; channel++) {
        rows.set(token, channel, channel);
      }
    }
    return rows;
  }

  private static String hex(byte[] bytes, int from, int count) {
    return HexFormat.of().formatHex(bytes, from, from + count);
  }

  @Test
  void fourBitKeysLieTokenByTokenLowNibbleFirst() {
    try (Arena arena = Arena.ofConfined()) {
      byte[] page = encode(perToken(4), KvSide.KEYS, ramp(arena), 0);
      assertThat(page).hasSize(512 + 256);
      for (int token = 0; token < PageLayout.TOKENS; token++) {
        assertThat(hex(page, 8 * token, 8)).isEqualTo("1032547698badcfe");
        assertThat(hex(page, 512 + 2 * token, 2)).as("scale 1").isEqualTo("003c");
        assertThat(hex(page, 512 + 128 + 2 * token, 2)).as("zero 0").isEqualTo("0000");
      }
    }
  }

  @Test
  void fourBitValuesLieChannelByChannel() {
    try (Arena arena = Arena.ofConfined()) {
      HeadRows rows = ramp(arena);
      // Token 1 runs the other way: its code in channel c is 15 - c, in the upper half of byte 0.
      for (int channel = 0; channel < 16; channel++) {
        rows.set(1, channel, 15 - channel);
      }
      byte[] page = encode(perToken(4), KvSide.VALUES, rows, 0);
      for (int channel = 0; channel < 16; channel++) {
        String digit = Integer.toHexString(channel);
        String first = Integer.toHexString(15 - channel) + digit;
        assertThat(hex(page, 32 * channel, 32)).isEqualTo(first + (digit + digit).repeat(31));
      }
    }
  }

  @Test
  void eightBitCodesAreBytes() {
    try (Arena arena = Arena.ofConfined()) {
      HeadRows rows = PageSample.empty(arena, 256);
      GroupEncoding encoding = new GroupEncoding(CodeBits.EIGHT, GroupAxis.PER_TOKEN, 128);
      for (int token = 0; token < PageLayout.TOKENS; token++) {
        for (int channel = 0; channel < 256; channel++) {
          // Both groups of 128 run from 0 to 255, in steps of 2 and a last one of 1.
          int code = channel % 128 == 127 ? 255 : 2 * (channel % 128);
          rows.set(token, channel, 0.5f * code + 3);
        }
      }
      byte[] page = encode(encoding, KvSide.KEYS, rows, 0);
      for (int channel = 0; channel < 256; channel++) {
        int code = channel % 128 == 127 ? 255 : 2 * (channel % 128);
        assertThat(page[256 * 63 + channel] & 0xff).isEqualTo(code);
      }
      // Scales of the first group's 64 tokens, of the second's, then zeros: 0.5 and 3.
      assertThat(hex(page, 256 * 64, 4 * 64)).isEqualTo("0038".repeat(128));
      assertThat(hex(page, 256 * 64 + 4 * 64, 4 * 64)).isEqualTo("0042".repeat(128));
    }
  }

  @Test
  void twoBitKeysAreGroupedByChannel() {
    try (Arena arena = Arena.ofConfined()) {
      HeadRows rows = PageSample.empty(arena, 16);
      for (int token = 0; token < PageLayout.TOKENS; token++) {
        for (int channel = 0; channel < 16; channel++) {
          // Channel c has levels of its own: c + 1 times the token's code, less 4 c.
          rows.set(token, channel, (channel + 1) * ((token + channel) % 4) - 4f * channel);
        }
      }
      GroupEncoding encoding = new GroupEncoding(CodeBits.TWO, GroupAxis.PER_CHANNEL, 64);
      byte[] page = encode(encoding, KvSide.KEYS, rows, 0);
      // Codes 0 1 2 3 from the lowest bits up are 0xe4; each token starts one later.
      String[] tokens = {"e4e4e4e4", "39393939", "4e4e4e4e", "93939393"};
      for (int token = 0; token < PageLayout.TOKENS; token++) {
        assertThat(hex(page, 4 * token, 4)).isEqualTo(tokens[token % 4]);
      }
      assertThat(hex(page, 256, 6)).as("scales 1, 2, 3").isEqualTo("003c00400042");
      assertThat(hex(page, 256 + 32, 6)).as("zeros 0, -4, -8").isEqualTo("000000c400c8");
      assertThat(hex(page, 256 + 64, 64)).as("padding").isEqualTo("00".repeat(64));
    }
  }

  @Test
  void linesOfAPerChannelPageAreLeftOutOfTheRangeAndClip() {
    GroupEncoding encoding = new GroupEncoding(CodeBits.TWO, GroupAxis.PER_CHANNEL, 64);
    try (Arena arena = Arena.ofConfined()) {
      HeadRows rows = PageSample.GAUSSIAN.draw(arena, 32, 9);
      for (int channel = 0; channel < 32; channel++) {
        rows.set(7, channel, channel % 2 == 0 ? 500f : -500f);
      }
      HeadRows others = PageSample.GAUSSIAN.draw(arena, 32, 9);
      byte[] page = encode(encoding, KvSide.KEYS, rows, 1L << 7);
      byte[] expected = encode(encoding, KvSide.KEYS, others, 1L << 7);
      assertThat(hex(page, 8 * 7, 8)).as("codes 3, 0").isEqualTo("33".repeat(8));
      System.arraycopy(expected, 8 * 7, page, 8 * 7, 8);
      assertThat(page).as("all but the line's codes").isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @CsvSource({"8, 64", "8, 80", "4, 96", "4, 128", "2, 16", "2, 256"})
  void decodesToTheNearestValueOfEachGroupsGrid(int bits, int headDim) {
    try (Arena arena = Arena.ofConfined()) {
      for (KvSide side : KvSide.values()) {
        PageCodec codec = perToken(bits).codec(side, headDim);
        MemorySegment page = arena.allocate(codec.byteSize(), 128);
        HeadRows rows = PageSample.GAUSSIAN.draw(arena, headDim, 3);
        HeadRows decoded = PageSample.empty(arena, headDim);
        codec.encode(page, 0, rows, 0);
        codec.decode(decoded, page, 0);
        int groupSize = headDim % 64 == 0 ? 64 : headDim;
        for (int token = 0; token < PageLayout.TOKENS; token++) {
          for (int first = 0; first < headDim; first += groupSize) {
            requireNearest(CodeBits.of(bits), rows, decoded, token, first, groupSize);
          }
        }
      }
    }
  }

  private static void requireNearest(
      CodeBits bits, HeadRows rows, HeadRows decoded, int token, int first, int groupSize) {
    float[] group = new float[groupSize];
    for (int i = 0; i < groupSize; i++) {
      group[i] = rows.get(token, first + i);
    }
    AffineGrid grid = new GroupQuantizer(bits).fit(group);
    for (int i = 0; i < groupSize; i++) {
      float actual = decoded.get(token, first + i);
      assertThat(actual).isEqualTo(grid.value(grid.code(group[i], bits)));
      float nearest = Float.POSITIVE_INFINITY;
      for (int code = 0; code <= bits.maxCode(); code++) {
        nearest = Math.min(nearest, Math.abs(grid.value(code) - group[i]));
      }
      assertThat(Math.abs(actual - group[i])).isLessThanOrEqualTo(nearest * (1 + 1e-4f) + 1e-6f);
    }
  }

  /** The same bytes on every machine, under every compiler: a change here breaks stored pages. */
  @ParameterizedTest
  @CsvSource({
    "k8v8, ad523a9288f6377d",
    "k4v4, c5769b58234f9615",
    "k2v2, 5e168b4fc72b5197",
  })
  void bytesAreTheSameOnEveryMachine(String name, String expected) throws NoSuchAlgorithmException {
    KvFormat format = KvFormats.parse(name);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (Arena arena = Arena.ofConfined()) {
      for (PageSample sample : PageSample.values()) {
        HeadRows rows = sample.draw(arena, 128, 11);
        digest.update(encode((GroupEncoding) format.keys(), KvSide.KEYS, rows, 0x8001));
        digest.update(encode((GroupEncoding) format.values(), KvSide.VALUES, rows, 0x8001));
      }
    }
    assertThat(hex(digest.digest(), 0, 8)).isEqualTo(expected);
  }

  @Test
  void refusesValuesBeyondAHalfAndLeavesThePage() {
    try (Arena arena = Arena.ofConfined()) {
      PageCodec codec = perToken(4).codec(KvSide.KEYS, 64);
      MemorySegment page = arena.allocate(codec.byteSize(), 128).fill((byte) 1);
      for (float value : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 65536f}) {
        HeadRows rows = PageSample.ZEROS.draw(arena, 64, 1);
        rows.set(63, 2, value);
        assertThatThrownBy(() -> codec.encode(page, 0, rows, 0))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(
                "token 63 of the page, channel 2 is "
                    + value
                    + ": expected a magnitude of at most 65504 (the end of FP16) for integer codes");
        assertThat(page.toArray(ValueLayout.JAVA_BYTE)).containsOnly(1);
      }
    }
  }

  @Test
  void refusesMemoryThatDoesNotFit() {
    try (Arena arena = Arena.ofConfined()) {
      PageCodec codec = perToken(4).codec(KvSide.KEYS, 64);
      MemorySegment page = arena.allocate(codec.byteSize(), 128);
      MemorySegment heap = MemorySegment.ofArray(new byte[(int) codec.byteSize()]);
      HeadRows rows = PageSample.ZEROS.draw(arena, 64, 1);
      assertThatThrownBy(() -> codec.encode(page, 1, rows, 0)).hasMessageContaining("offset 1");
      assertThatThrownBy(() -> codec.decode(rows, heap, 0)).hasMessageContaining("native");
      assertThatThrownBy(() -> new HeadRows(page, 0, 4, 64)).hasMessageContaining("stride 4");
      assertThatThrownBy(() -> new HeadRows(page, 4, 1 << 20, 64)).hasMessageContaining("64 rows");
    }
  }

  @Test
  void plainCodecsKeepEveryValue() {
    try (Arena arena = Arena.ofConfined()) {
      HeadRows rows = PageSample.MIXED.draw(arena, 20, 1);
      rows.set(3, 4, Float.NaN);
      rows.set(5, 6, Float.NEGATIVE_INFINITY);
      for (KvSide side : KvSide.values()) {
        PageCodec codec = KvFormats.parse("f32").keys().codec(side, 20);
        MemorySegment page = arena.allocate(codec.byteSize(), 128);
        HeadRows decoded = PageSample.empty(arena, 20);
        codec.encode(page, 0, rows, 0);
        codec.decode(decoded, page, 0);
        assertThat(decoded.segment().mismatch(rows.segment())).isEqualTo(-1);
        int index = side == KvSide.KEYS ? 6 * 64 + 5 : 5 * 20 + 6;
        assertThat(page.getAtIndex(ValueLayout.JAVA_FLOAT, index)).isNegative().isInfinite();
      }
      PageCodec half = KvFormats.parse("bf16").keys().codec(KvSide.KEYS, 20);
      MemorySegment page = arena.allocate(half.byteSize(), 128);
      half.encode(page, 0, PageSample.CONSTANT.draw(arena, 20, 1), 0);
      // Token 0 is -0.2f, bits be4ccccd: rounds up to be4d.
      assertThat(page.get(ValueLayout.JAVA_SHORT, 0)).isEqualTo((short) 0xbe4d);
    }
  }
}
