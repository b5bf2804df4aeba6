package io.vquant.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class WordTransposeTest {

  /** What follows the last row in a page: at least the scales of 16 channels. */
  private static final int WORDS_AFTER = 16;

  @Test
  void everyWordOfEveryRowFindsItsPlace() {
    for (int rows = 16; rows <= 256; rows += 48) {
      for (int words = 1; words <= 64; words++) {
        check(rows, words);
      }
    }
  }

  private static void check(int rows, int words) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = arena.allocate(4L * (rows * words + WORDS_AFTER), 64);
      for (int i = 0; i < rows * words; i++) {
        from.setAtIndex(ValueLayout.JAVA_INT, i, 31 * i + 7);
      }
      long stride = 4L * (rows + 16);
      MemorySegment to = arena.allocate(stride * WordTranspose.paddedWords(words), 64);
      MemorySegment staging = arena.allocate(WordTranspose.stagingByteSize(), 64);
      WordTranspose.transpose(to.address(), stride, from.address(), rows, words, staging.address());
      for (int word = 0; word < words; word++) {
        for (int row = 0; row < rows; row++) {
          assertThat(to.get(ValueLayout.JAVA_INT, word * stride + 4L * row))
              .as("%d rows of %d words: row %d, word %d", rows, words, row, word)
              .isEqualTo(31 * (row * words + word) + 7);
        }
      }
    }
  }
}
