package io.vquant.eval.plots;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Points with names; the front, the points that no other beats in both directions, is marked. Less
 * is better in both.
 *
 * @param logarithmicY whether the upward axis has powers of ten; then every y is above 0
 */
public record ScatterPlot(
    String title, String xTitle, String yTitle, boolean logarithmicY, List<Point> points) {
  private static final int WIDTH = 820;
  private static final int HEIGHT = 480;
  private static final int LEFT = 80;
  private static final int RIGHT = 210;
  private static final int TOP = 40;
  private static final int BOTTOM = 50;
  private static final int TICKS = 6;

  /** A named point; both coordinates are finite. */
  public record Point(String name, double x, double y) {}

  public ScatterPlot {
    points = List.copyOf(points);
    if (points.isEmpty()) {
      throw new IllegalArgumentException("0 points: expected 1 or more");
    }
  }

  /** The points that no other beats: none has both less x and no more y, or the other way round. */
  public List<Point> front() {
    List<Point> sorted = new ArrayList<>(points);
    sorted.sort(Comparator.comparingDouble(Point::x).thenComparingDouble(Point::y));
    List<Point> front = new ArrayList<>();
    double least = Double.POSITIVE_INFINITY;
    for (Point point : sorted) {
      if (point.y < least) {
        front.add(point);
        least = point.y;
      }
    }
    return front;
  }

  /** A range of values on some pixels. */
  private record Axis(double from, double to, int fromPixel, int toPixel) {
    int pixel(double value) {
      return (int) Math.round(fromPixel + (value - from) / (to - from) * (toPixel - fromPixel));
    }

    static Axis around(List<Double> values, int fromPixel, int toPixel) {
      double least = values.stream().min(Double::compare).orElseThrow();
      double most = values.stream().max(Double::compare).orElseThrow();
      double margin = most > least ? 0.06 * (most - least) : Math.max(1e-9, Math.abs(most) * 0.1);
      return new Axis(least - margin, most + margin, fromPixel, toPixel);
    }

    double tick(int index) {
      return from + (to - from) * index / (TICKS - 1);
    }
  }

  /** Draws it. */
  public Raster draw() {
    Raster raster = new Raster(WIDTH, HEIGHT);
    Axis x = Axis.around(points.stream().map(Point::x).toList(), LEFT, WIDTH - RIGHT);
    Axis y = Axis.around(points.stream().map(this::height).toList(), HEIGHT - BOTTOM, TOP);
    drawAxes(raster, x, y);
    List<Point> front = front();
    for (int i = 1; i < front.size(); i++) {
      Point a = front.get(i - 1);
      Point b = front.get(i);
      raster.line(x.pixel(a.x), y.pixel(height(a)), x.pixel(b.x), y.pixel(height(b)), Palette.BLUE);
    }
    List<Label> taken = new ArrayList<>();
    for (Point point : points) {
      boolean best = front.contains(point);
      int atX = x.pixel(point.x);
      int atY = y.pixel(height(point));
      raster.disc(atX, atY, best ? 4 : 3, best ? Palette.BLUE : Palette.RED);
      drawName(raster, atX + 7, atY - 3, point.name, taken);
    }
    return raster;
  }

  /** A place that a name takes: its left end, right end and row. */
  private record Label(int left, int right, int row) {
    boolean meets(Label other) {
      return left < other.right
          && other.left < right
          && Math.abs(row - other.row) < PixelFont.HEIGHT + 1;
    }
  }

  /** Beside its point, or above or below where other names leave room. */
  private static void drawName(Raster raster, int x, int y, String name, List<Label> taken) {
    for (int shift = 0; ; shift = shift > 0 ? -shift : PixelFont.HEIGHT + 2 - shift) {
      Label label = new Label(x, x + PixelFont.width(name), y + shift);
      if (taken.stream().noneMatch(label::meets)) {
        taken.add(label);
        raster.text(x, y + shift, name, Palette.BLACK);
        return;
      }
    }
  }

  private double height(Point point) {
    return logarithmicY ? Math.log10(point.y) : point.y;
  }

  private void drawAxes(Raster raster, Axis x, Axis y) {
    raster.text(LEFT, 14, title, Palette.BLACK);
    raster.centredText((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, xTitle, Palette.BLACK);
    raster.text(6, TOP - 14, yTitle, Palette.BLACK);
    for (int i = 0; i < TICKS; i++) {
      int column = x.pixel(x.tick(i));
      int row = y.pixel(y.tick(i));
      raster.line(column, TOP, column, HEIGHT - BOTTOM, Palette.GREY);
      raster.line(LEFT, row, WIDTH - RIGHT, row, Palette.GREY);
      raster.centredText(column, HEIGHT - BOTTOM + 8, decimal(x.tick(i)), Palette.BLACK);
      double value = logarithmicY ? Math.pow(10, y.tick(i)) : y.tick(i);
      raster.textBefore(LEFT - 6, row - 3, decimal(value), Palette.BLACK);
    }
  }

  private static String decimal(double value) {
    return String.format(Locale.ROOT, "%.3g", value);
  }
}
