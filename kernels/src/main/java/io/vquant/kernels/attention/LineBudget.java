package io.vquant.kernels.attention;

/** How many vertical lines a head keeps, sinks among them. */
public sealed interface LineBudget {

  /** Lines come in multiples of this, since a slab is read in vectors. */
  int STEP = 16;

  /** The fewest lines of a {@link Ratio}. */
  int LEAST = 32;

  /** The most lines of a {@link Ratio} or {@link Coverage}. */
  int MOST = 512;

  /** The lines of a head that has ranked {@code tokens} tokens. */
  int count(LineRanking ranking, int tokens);

  /**
   * A part of the tokens, rounded to a multiple of 16, from 32 to 512.
   *
   * @param ratio above 0, at most 1
   */
  record Ratio(double ratio) implements LineBudget {
    public Ratio {
      requirePart("ratio", ratio);
    }

    @Override
    public int count(LineRanking ranking, int tokens) {
      long rounded = Math.round(ratio * tokens / STEP) * STEP;
      return (int) Math.max(LEAST, Math.min(MOST, rounded));
    }
  }

  /**
   * A number.
   *
   * @param lines 0 or more
   */
  record Fixed(int lines) implements LineBudget {
    public Fixed {
      if (lines < 0) {
        throw new IllegalArgumentException("lines " + lines + ": expected 0 or more");
      }
    }

    @Override
    public int count(LineRanking ranking, int tokens) {
      return lines;
    }
  }

  /**
   * The smallest multiple of 16, at most 512, whose lines hold a part of the sum of all candidates'
   * scores: heads with few dominant lines keep few.
   *
   * @param share above 0, at most 1
   */
  record Coverage(double share) implements LineBudget {
    public Coverage {
      requirePart("coverage", share);
    }

    @Override
    public int count(LineRanking ranking, int tokens) {
      int lines = STEP;
      while (lines < MOST && ranking.share(lines) < share) {
        lines += STEP;
      }
      return lines;
    }
  }

  private static void requirePart(String name, double value) {
    if (!(value > 0 && value <= 1)) {
      throw new IllegalArgumentException(name + " " + value + ": expected above 0, at most 1");
    }
  }
}
