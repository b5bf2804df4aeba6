package io.vquant.eval.plots;

import java.util.Arrays;

/** Pixels in colour, {@code 0xRRGGBB}, from the upper left. What falls outside is left out. */
public final class Raster {
  private final int width;
  private final int height;
  private final int[] pixels;

  /** A white raster. */
  public Raster(int width, int height) {
    if (width < 1 || height < 1 || (long) width * height > 1 << 26) {
      throw new IllegalArgumentException(
          "raster of " + width + " x " + height + ": expected 1 to 2^26 pixels");
    }
    this.width = width;
    this.height = height;
    pixels = new int[width * height];
    Arrays.fill(pixels, Palette.WHITE);
  }

  public int width() {
    return width;
  }

  public int height() {
    return height;
  }

  /** The colour at a place inside. */
  public int pixel(int x, int y) {
    return pixels[y * width + x];
  }

  /** Colours one pixel. */
  public void set(int x, int y, int colour) {
    if (x >= 0 && x < width && y >= 0 && y < height) {
      pixels[y * width + x] = colour;
    }
  }

  /** Fills a box. */
  public void fill(int x, int y, int boxWidth, int boxHeight, int colour) {
    for (int row = Math.max(0, y); row < Math.min(height, y + boxHeight); row++) {
      for (int column = Math.max(0, x); column < Math.min(width, x + boxWidth); column++) {
        pixels[row * width + column] = colour;
      }
    }
  }

  /** Fills a disc. */
  public void disc(int x, int y, int radius, int colour) {
    for (int dy = -radius; dy <= radius; dy++) {
      for (int dx = -radius; dx <= radius; dx++) {
        if (dx * dx + dy * dy <= radius * radius) {
          set(x + dx, y + dy, colour);
        }
      }
    }
  }

  /** Draws a line one pixel wide (Bresenham 1965). */
  public void line(int fromX, int fromY, int toX, int toY, int colour) {
    int dx = Math.abs(toX - fromX);
    int dy = -Math.abs(toY - fromY);
    int stepX = fromX < toX ? 1 : -1;
    int stepY = fromY < toY ? 1 : -1;
    int error = dx + dy;
    int x = fromX;
    int y = fromY;
    while (true) {
      set(x, y, colour);
      if (x == toX && y == toY) {
        return;
      }
      int twice = 2 * error;
      if (twice >= dy) {
        error += dy;
        x += stepX;
      }
      if (twice <= dx) {
        error += dx;
        y += stepY;
      }
    }
  }

  /** Writes text, its upper left corner at a place. */
  public void text(int x, int y, String text, int colour) {
    int at = x;
    for (int i = 0; i < text.length(); i++) {
      glyph(at, y, text.charAt(i), colour);
      at += PixelFont.ADVANCE;
    }
  }

  /** Writes text around a column. */
  public void centredText(int x, int y, String text, int colour) {
    text(x - PixelFont.width(text) / 2, y, text, colour);
  }

  /** Writes text that ends before a column. */
  public void textBefore(int x, int y, String text, int colour) {
    text(x - PixelFont.width(text), y, text, colour);
  }

  private void glyph(int x, int y, char letter, int colour) {
    for (int row = 0; row < PixelFont.HEIGHT; row++) {
      for (int column = 0; column < PixelFont.WIDTH; column++) {
        if (PixelFont.isInk(letter, column, row)) {
          set(x + column, y + row, colour);
        }
      }
    }
  }
}
