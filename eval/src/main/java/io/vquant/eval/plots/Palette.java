package io.vquant.eval.plots;

/** Colours, {@code 0xRRGGBB}. */
public final class Palette {
  public static final int WHITE = 0xffffff;
  public static final int BLACK = 0x202020;
  public static final int GREY = 0xc8c8c8;
  public static final int BLUE = 0x2060b0;
  public static final int RED = 0xc03030;

  private Palette() {}

  /** From red at 0 over yellow at 1/2 to green at 1. */
  public static int score(double part) {
    double value = Math.clamp(part, 0, 1);
    return value < 0.5
        ? between(0xd7503c, 0xf5dc6e, 2 * value)
        : between(0xf5dc6e, 0x4caf64, 2 * value - 1);
  }

  private static int between(int from, int to, double part) {
    int colour = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      int a = (from >> shift) & 0xff;
      int b = (to >> shift) & 0xff;
      colour |= ((int) Math.round(a + part * (b - a))) << shift;
    }
    return colour;
  }
}
