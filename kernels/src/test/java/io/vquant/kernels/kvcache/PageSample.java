package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.Float16;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Rows of a page for tests: kinds of values that quantizers find hard. */
public enum PageSample {
  GAUSSIAN,
  /** Every channel far from zero, with little spread. */
  OFFSET,
  UNIFORM,
  ZEROS,
  /** Both zeros. */
  SIGNED_ZEROS,
  CONSTANT,
  /** Around the step at which FP16 scales vanish. */
  TINY,
  DENORMAL,
  /** Up to the largest magnitude there is. */
  HUGE,
  OUTLIER,
  /** Magnitudes over ten decades. */
  MIXED,
  /** Values on a grid, so that many are ties. */
  TIES;

  /** Room between rows that belongs to somebody else. */
  private static final int GAP = 3;

  private static final float OTHERS = Float.NaN;

  /** Rows with a stride that is no multiple of anything, other heads' places filled with NaN. */
  public HeadRows draw(Arena arena, int headDim, long seed) {
    HeadRows rows = empty(arena, headDim);
    SplittableRandom random = new SplittableRandom(seed);
    for (int token = 0; token < PageLayout.TOKENS; token++) {
      for (int channel = 0; channel < headDim; channel++) {
        rows.set(token, channel, next(random, token, channel));
      }
    }
    return rows;
  }

  public static HeadRows empty(Arena arena, int headDim) {
    int width = headDim + GAP;
    MemorySegment segment = arena.allocate(4L * width * PageLayout.TOKENS + 4, 4);
    for (long i = 0; i < segment.byteSize(); i += Float.BYTES) {
      segment.set(ValueLayout.JAVA_FLOAT, i, OTHERS);
    }
    return new HeadRows(segment, 4, 4L * width, headDim);
  }

  private float next(SplittableRandom random, int token, int channel) {
    float sign = random.nextBoolean() ? 1f : -1f;
    return switch (this) {
      case GAUSSIAN -> gaussian(random);
      case OFFSET -> (channel % 7 - 3) * 40f + gaussian(random) / 8;
      case UNIFORM -> sign * random.nextInt(1 << 20) * 0x1p-18f;
      case ZEROS -> 0f;
      case SIGNED_ZEROS -> sign * 0f;
      case CONSTANT -> 0.1f * (token % 5 - 2);
      case TINY -> sign * random.nextInt(64) * 0x1p-26f;
      case DENORMAL -> sign * Float.intBitsToFloat(random.nextInt(1, 1 << 23));
      case HUGE -> sign * Float16.MAX_VALUE * (random.nextInt(3) == 0 ? 1f : 0x1p-20f);
      case OUTLIER -> token == channel % 11 ? 900f : gaussian(random);
      case MIXED -> sign * (float) StrictMath.pow(10, 9.0 * random.nextInt(1000) / 1000 - 5);
      case TIES -> random.nextInt(33) * 0.25f;
    };
  }

  /** The same numbers on every machine: twelve uniform numbers, less their mean. */
  static float gaussian(SplittableRandom random) {
    int sum = 0;
    for (int i = 0; i < 12; i++) {
      sum += random.nextInt(1 << 20);
    }
    return (sum - 6 * (1 << 20)) * 0x1p-20f;
  }
}
