package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products with codes are chains of fma in the order of the inner dimension, whatever the rows. */
class CodeTileTest {

  @ParameterizedTest
  @CsvSource({"8, 64", "4, 64", "2, 64", "8, 16", "4, 80", "2, 48", "8, 112", "4, 16", "2, 256"})
  void everyElementIsOneChainOfFma(int bits, int inner) {
    for (int rows = 1; rows <= 17; rows++) {
      for (int columns : new int[] {16, 64, 80, 128}) {
        check(bits, inner, rows, columns, new SplittableRandom(rows * 1000L + columns));
      }
    }
  }

  private static void check(int bits, int inner, int rows, int columns, SplittableRandom random) {
    int step = Integer.SIZE / bits;
    int padded = Simd.roundUp(columns, CodeTile.COLUMN_BLOCK);
    float[] a = new float[3 + rows * inner];
    for (int i = 0; i < a.length; i++) {
      a[i] = (random.nextInt() >> 8) * 0x1p-20f;
    }
    float[] plain = a.clone();
    float[] powers = CodeTile.powers(inner, bits);
    for (int row = 0; row < rows; row++) {
      CodeTile.unscale(a, 3 + row * inner, inner, powers);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment words = arena.allocate(4L * padded * inner / step, 64);
      for (long i = 0; i < words.byteSize(); i += 4) {
        words.set(ValueLayout.JAVA_INT, i, random.nextInt());
      }
      MemorySegment c = arena.allocate(4L * padded * rows, 64);
      CodeTile.multiply(
          c.address(), 4L * padded, columns, a, 3, rows, inner, words.address(), 4L * padded, bits);
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          float expected = 0;
          for (int i = 0; i < inner; i++) {
            int word = words.get(ValueLayout.JAVA_INT, 4L * (i / step * padded + column));
            int code = word >>> (i % step * bits) & ((1 << bits) - 1);
            expected = Math.fma(plain[3 + row * inner + i], (float) code, expected);
          }
          assertThat(c.get(ValueLayout.JAVA_FLOAT, 4L * (row * padded + column)))
              .as("%d bits, inner %d, row %d of %d, column %d", bits, inner, row, rows, column)
              .isEqualTo(expected);
        }
      }
    }
  }
}
