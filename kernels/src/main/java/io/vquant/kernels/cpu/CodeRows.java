package io.vquant.kernels.cpu;

import io.vquant.kernels.quant.CodeBits;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Rows of packed codes from and to one byte a code, and byte matrices turned. */
final class CodeRows {

  static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final ValueLayout.OfLong EIGHT_BYTES =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The lower 4 bits of every byte, and the lower 2. */
  private static final long NIBBLES = 0x0f0f0f0f0f0f0f0fL;

  private static final long CRUMBS = 0x0303030303030303L;
  private static final long LOWER_WORD = 0xffffffffL;
  private static final int TILE = 8;

  private CodeRows() {}

  /** Packs a row of {@code columns} bytes; columns a multiple of 16. */
  static void pack(long packed, long codes, int columns, CodeBits bits) {
    switch (bits) {
      case EIGHT -> copy(packed, codes, columns);
      case FOUR -> {
        for (int i = 0; i < columns; i += 8) {
          setWord(packed + i / 2, (int) Long.compress(eight(codes + i), NIBBLES));
        }
      }
      case TWO -> {
        for (int i = 0; i < columns; i += 16) {
          long low = Long.compress(eight(codes + i), CRUMBS);
          long high = Long.compress(eight(codes + i + 8), CRUMBS);
          setWord(packed + i / 4, (int) (low | (high << 16)));
        }
      }
    }
  }

  /** Unpacks {@code count} codes, a multiple of 16, to one byte each. */
  static void unpack(long codes, long packed, int count, CodeBits bits) {
    switch (bits) {
      case EIGHT -> copy(codes, packed, count);
      case FOUR -> {
        for (int i = 0; i < count; i += 8) {
          setEight(codes + i, Long.expand(word(packed + i / 2) & LOWER_WORD, NIBBLES));
        }
      }
      case TWO -> {
        for (int i = 0; i < count; i += 16) {
          int word = word(packed + i / 4);
          setEight(codes + i, Long.expand(word & 0xffff, CRUMBS));
          setEight(codes + i + 8, Long.expand(word >>> 16, CRUMBS));
        }
      }
    }
  }

  /**
   * Turns a byte matrix {@code [rows, columns]} to {@code [columns, rows]}; both multiples of 8.
   */
  static void transpose(long turned, long matrix, int rows, int columns) {
    for (int row = 0; row < rows; row += TILE) {
      for (int column = 0; column < columns; column += TILE) {
        long from = matrix + (long) row * columns + column;
        long to = turned + (long) column * rows + row;
        for (int i = 0; i < TILE; i++) {
          long gathered = 0;
          for (int j = 0; j < TILE; j++) {
            long code = Simd.MEMORY.get(ValueLayout.JAVA_BYTE, from + (long) j * columns + i);
            gathered |= (code & 0xff) << (j * Byte.SIZE);
          }
          setEight(to + (long) i * rows, gathered);
        }
      }
    }
  }

  static void setWord(long address, int word) {
    Simd.MEMORY.set(WORD, address, word);
  }

  private static int word(long address) {
    return Simd.MEMORY.get(WORD, address);
  }

  private static long eight(long address) {
    return Simd.MEMORY.get(EIGHT_BYTES, address);
  }

  private static void setEight(long address, long bytes) {
    Simd.MEMORY.set(EIGHT_BYTES, address, bytes);
  }

  private static void copy(long to, long from, int count) {
    for (int i = 0; i < count; i += Long.BYTES) {
      setEight(to + i, eight(from + i));
    }
  }
}
