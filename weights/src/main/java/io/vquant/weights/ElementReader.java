package io.vquant.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/** Decodes single elements. The layouts are unaligned since a tensor may start at any byte. */
final class ElementReader {
  static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private ElementReader() {}

  static float floatAt(ElementType type, MemorySegment data, long index, long elementCount) {
    long offset = Objects.checkIndex(index, elementCount) * type.byteSize();
    return switch (type) {
      case BOOL -> data.get(ValueLayout.JAVA_BYTE, offset) == 0 ? 0f : 1f;
      case U8 -> Byte.toUnsignedInt(data.get(ValueLayout.JAVA_BYTE, offset));
      case I8 -> data.get(ValueLayout.JAVA_BYTE, offset);
      case F8_E5M2 -> ofE5m2(data.get(ValueLayout.JAVA_BYTE, offset));
      case F8_E4M3 -> ofE4m3(data.get(ValueLayout.JAVA_BYTE, offset));
      case I16 -> data.get(SHORT, offset);
      case U16 -> Short.toUnsignedInt(data.get(SHORT, offset));
      case F16 -> Float.float16ToFloat(data.get(SHORT, offset));
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, offset) << 16);
      case I32 -> (float) data.get(INT, offset);
      case U32 -> (float) Integer.toUnsignedLong(data.get(INT, offset));
      case F32 -> Float.intBitsToFloat(data.get(INT, offset));
      case F64 -> (float) Double.longBitsToDouble(data.get(LONG, offset));
      case I64 -> (float) data.get(LONG, offset);
      case U64 -> ofUnsignedLong(data.get(LONG, offset));
    };
  }

  /** E5M2 is the upper byte of a binary16 (OCP 8-bit Floating Point Specification, section 5). */
  private static float ofE5m2(byte bits) {
    return Float.float16ToFloat((short) (bits << 8));
  }

  /** E4M3: only S.1111.111 is NaN; the other codes with all exponent bits set are numbers. */
  private static float ofE4m3(byte bits) {
    int exponent = (bits >> 3) & 15;
    int mantissa = bits & 7;
    float magnitude;
    if (exponent == 15 && mantissa == 7) {
      magnitude = Float.NaN;
    } else if (exponent == 0) {
      magnitude = mantissa * 0x1p-9f;
    } else {
      magnitude = Math.scalb((float) (8 + mantissa), exponent - 10);
    }
    return bits < 0 ? -magnitude : magnitude;
  }

  private static float ofUnsignedLong(long bits) {
    if (bits >= 0) {
      return (float) bits;
    }
    // Halved with the lost bit kept sticky, so that the one rounding is to nearest even.
    return (float) ((bits >>> 1) | (bits & 1)) * 2f;
  }
}
