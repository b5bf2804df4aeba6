package io.vquant.kernels.quant;

/** Widths of the codes that keys and values are stored as. Codes are unsigned. */
public enum CodeBits {
  EIGHT(8),
  FOUR(4),
  TWO(2);

  private final int bits;

  CodeBits(int bits) {
    this.bits = bits;
  }

  /** Bits of one code. */
  public int bits() {
    return bits;
  }

  /** The largest code: codes are 0 to this. */
  public int maxCode() {
    return (1 << bits) - 1;
  }

  /**
   * Codes in a 32-bit word. Code i lies in bits {@code bits * i} to {@code bits * i + bits - 1}.
   */
  public int codesPerWord() {
    return Integer.SIZE / bits;
  }

  /**
   * The width of this many bits.
   *
   * @throws IllegalArgumentException if it is not 8, 4 or 2
   */
  public static CodeBits of(int bits) {
    return switch (bits) {
      case 8 -> EIGHT;
      case 4 -> FOUR;
      case 2 -> TWO;
      default ->
          throw new IllegalArgumentException("code width " + bits + " bits: expected 8, 4 or 2");
    };
  }
}
