package io.vquant.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class StoredTensorTest {
  private static final Path FILE = Path.of("x.safetensors");

  /** Starts one byte into its memory, so that no element is aligned. */
  private static StoredTensor tensor(ElementType type, ByteBuffer values) {
    byte[] shifted = new byte[values.position() + 1];
    values.flip().get(shifted, 1, shifted.length - 1);
    long count = (shifted.length - 1L) / type.byteSize();
    MemorySegment data = MemorySegment.ofArray(shifted).asSlice(1);
    return new StoredTensor("t", type, List.of(count), data, FILE, 1);
  }

  private static ByteBuffer bytes() {
    return ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static float[] floats(StoredTensor tensor) {
    float[] values = new float[(int) tensor.elementCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.floatAt(i);
    }
    return values;
  }

  @Test
  void integersAreReadAsNumbers() {
    ByteBuffer small = bytes().put((byte) 0).put((byte) 1).put((byte) -1).put((byte) -128);
    assertThat(floats(tensor(ElementType.U8, small.duplicate()))).containsExactly(0, 1, 255, 128);
    assertThat(floats(tensor(ElementType.I8, small.duplicate()))).containsExactly(0, 1, -1, -128);
    assertThat(floats(tensor(ElementType.BOOL, small.duplicate()))).containsExactly(0, 1, 1, 1);

    ByteBuffer shorts = bytes().putShort((short) 258).putShort((short) -2);
    assertThat(floats(tensor(ElementType.I16, shorts))).containsExactly(258, -2);
    shorts = bytes().putShort((short) 258).putShort((short) -2);
    assertThat(floats(tensor(ElementType.U16, shorts))).containsExactly(258, 65534);

    ByteBuffer ints = bytes().putInt(1 << 24).putInt(-1);
    assertThat(floats(tensor(ElementType.I32, ints))).containsExactly(0x1p24f, -1);
    ints = bytes().putInt(1 << 24).putInt(-1);
    assertThat(floats(tensor(ElementType.U32, ints))).containsExactly(0x1p24f, 0x1p32f);

    ByteBuffer longs = bytes().putLong(Long.MAX_VALUE).putLong(-3);
    assertThat(floats(tensor(ElementType.I64, longs))).containsExactly(0x1p63f, -3);
  }

  @Test
  void unsignedLongsRoundToTheNearestFloat() {
    // Between the floats 2^63 and 2^63 + 2^40: half way goes to even, one more goes up.
    ByteBuffer longs = bytes();
    longs.putLong(-1).putLong(Long.MIN_VALUE).putLong(7);
    longs.putLong(Long.MIN_VALUE + (1L << 39)).putLong(Long.MIN_VALUE + (1L << 39) + 1);
    assertThat(floats(tensor(ElementType.U64, longs)))
        .containsExactly(0x1p64f, 0x1p63f, 7, 0x1p63f, 0x1p63f + 0x1p40f);
  }

  @Test
  void floatsOfAllWidthsAreExact() {
    ByteBuffer halves =
        bytes().putShort((short) 0x3c00).putShort((short) 1).putShort((short) 0xfbff);
    assertThat(floats(tensor(ElementType.F16, halves))).containsExactly(1f, 0x1p-24f, -65504f);
    ByteBuffer brains = bytes().putShort((short) 0x3f80).putShort((short) 0xff80);
    assertThat(floats(tensor(ElementType.BF16, brains)))
        .containsExactly(1f, Float.NEGATIVE_INFINITY);
    ByteBuffer singles = bytes().putFloat(1.1f).putFloat(Float.MIN_VALUE);
    assertThat(floats(tensor(ElementType.F32, singles))).containsExactly(1.1f, Float.MIN_VALUE);
    ByteBuffer doubles = bytes().putDouble(0.1).putDouble(1e300);
    assertThat(floats(tensor(ElementType.F64, doubles)))
        .containsExactly(0.1f, Float.POSITIVE_INFINITY);
  }

  @Test
  void everyE4m3CodeHasTheValueOfItsDefinition() {
    for (int code = 0; code < 256; code++) {
      double exponent = (code >> 3) & 15;
      double mantissa = (code & 7) / 8.0;
      double magnitude =
          exponent == 0 ? Math.pow(2, -6) * mantissa : Math.pow(2, exponent - 7) * (1 + mantissa);
      double wanted = (code & 0x7f) == 0x7f ? Double.NaN : code < 128 ? magnitude : -magnitude;
      float found = tensor(ElementType.F8_E4M3, bytes().put((byte) code)).floatAt(0);
      assertThat(found).as("code 0x%02x", code).isEqualTo(Float.valueOf((float) wanted));
    }
    assertThat(tensor(ElementType.F8_E4M3, bytes().put((byte) 0x7e)).floatAt(0)).isEqualTo(448f);
  }

  @Test
  void everyE5m2CodeHasTheValueOfItsDefinition() {
    for (int code = 0; code < 256; code++) {
      double exponent = (code >> 2) & 31;
      double mantissa = (code & 3) / 4.0;
      double magnitude =
          exponent == 0 ? Math.pow(2, -14) * mantissa : Math.pow(2, exponent - 15) * (1 + mantissa);
      if (exponent == 31) {
        magnitude = mantissa == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
      }
      float found = tensor(ElementType.F8_E5M2, bytes().put((byte) code)).floatAt(0);
      assertThat(found)
          .as("code 0x%02x", code)
          .isEqualTo(Float.valueOf((float) (code < 128 ? magnitude : -magnitude)));
    }
  }

  @Test
  void anIndexOutsideIsRefused() {
    StoredTensor tensor = tensor(ElementType.F32, bytes().putFloat(1f));
    for (long index : new long[] {-1, 1, Long.MAX_VALUE}) {
      assertThatThrownBy(() -> tensor.floatAt(index)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void dataOfAnotherSizeThanTheShapeIsRefused() {
    MemorySegment data = MemorySegment.ofArray(new byte[7]);
    for (List<Long> shape :
        List.<List<Long>>of(List.of(2L), List.of(), List.of(-1L), List.of(1L << 62, 4L))) {
      assertThatThrownBy(() -> new StoredTensor("t", ElementType.F32, shape, data, FILE, 0))
          .as("shape %s", shape)
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void theViewIsReadOnly() {
    StoredTensor tensor = tensor(ElementType.U8, bytes().put((byte) 1));
    assertThat(tensor.data().isReadOnly()).isTrue();
  }

  @Test
  void codesAreThoseOfTheFormat() {
    assertThat(ElementType.supportedCodes())
        .isEqualTo(
            "BOOL, U8, I8, F8_E5M2, F8_E4M3, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64");
    for (ElementType type : ElementType.values()) {
      assertThat(ElementType.ofCode(type.code())).contains(type);
    }
    assertThat(ElementType.ofCode("bf16")).isEmpty();
    assertThat(ElementType.ofCode("F8_E8M0")).isEmpty();
  }
}
