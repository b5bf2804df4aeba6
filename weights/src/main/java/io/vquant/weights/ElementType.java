package io.vquant.weights;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How one element of a stored tensor is encoded; always little-endian. Declared in the order of the
 * safetensors reference implementation, which is also an order of rising alignment.
 */
public enum ElementType {
  /** One byte, 0 or 1. */
  BOOL(1, false),
  U8(1, false),
  I8(1, false),
  /** OCP 8-bit floating point: 5 exponent bits, bias 15, 2 mantissa bits, with infinities. */
  F8_E5M2(1, true),
  /** OCP 8-bit floating point: 4 exponent bits, bias 7, 3 mantissa bits, no infinities ("FN"). */
  F8_E4M3(1, true),
  I16(2, false),
  U16(2, false),
  /** IEEE 754 binary16. */
  F16(2, true),
  /** The upper half of an IEEE 754 binary32. */
  BF16(2, true),
  I32(4, false),
  U32(4, false),
  F32(4, true),
  F64(8, true),
  I64(8, false),
  U64(8, false);

  private final int byteSize;
  private final boolean floatingPoint;

  ElementType(int byteSize, boolean floatingPoint) {
    this.byteSize = byteSize;
    this.floatingPoint = floatingPoint;
  }

  /** Bytes of one element. */
  public int byteSize() {
    return byteSize;
  }

  /** Whether elements can be NaN; the types that cannot are integers and booleans. */
  public boolean isFloatingPoint() {
    return floatingPoint;
  }

  /** The name that a safetensors header uses for this type, such as {@code BF16}. */
  public String code() {
    return name();
  }

  /** The type with this safetensors code; codes are case-sensitive. */
  public static Optional<ElementType> ofCode(String code) {
    for (ElementType type : values()) {
      if (type.code().equals(code)) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  /** All codes, for messages: {@code BOOL, U8, ...}. */
  public static String supportedCodes() {
    return Arrays.stream(values()).map(ElementType::code).collect(Collectors.joining(", "));
  }
}
