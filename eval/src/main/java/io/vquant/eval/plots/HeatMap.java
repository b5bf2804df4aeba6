package io.vquant.eval.plots;

import java.util.List;
import java.util.Locale;

/**
 * Parts of 1 in a grid, red to green, each with its percentage.
 *
 * @param columnTitle what the columns are
 * @param columns one name a column
 * @param rowTitle what the rows are
 * @param rows one name a row
 * @param values {@code [rows][columns]}, NaN where there is none
 */
public record HeatMap(
    String title,
    String columnTitle,
    List<String> columns,
    String rowTitle,
    List<String> rows,
    List<List<Double>> values) {
  private static final int CELL_WIDTH = 44;
  private static final int CELL_HEIGHT = 22;
  private static final int LEFT = 70;
  private static final int TOP = 48;
  private static final int MARGIN = 14;
  private static final int TEXT_DROP = (CELL_HEIGHT - PixelFont.HEIGHT) / 2;

  public HeatMap {
    columns = List.copyOf(columns);
    rows = List.copyOf(rows);
    values = List.copyOf(values);
  }

  /** Draws it. */
  public Raster draw() {
    int width = LEFT + columns.size() * CELL_WIDTH + MARGIN;
    width = Math.max(width, 2 * MARGIN + PixelFont.width(title));
    int bottom = TOP + rows.size() * CELL_HEIGHT;
    Raster raster = new Raster(width, bottom + MARGIN);
    raster.text(MARGIN, MARGIN, title, Palette.BLACK);
    raster.textBefore(LEFT - 6, TOP - 12, rowTitle, Palette.BLACK);
    raster.text(LEFT, TOP - 22, columnTitle, Palette.BLACK);
    for (int column = 0; column < columns.size(); column++) {
      int middle = LEFT + column * CELL_WIDTH + CELL_WIDTH / 2;
      raster.centredText(middle, TOP - 11, columns.get(column), Palette.BLACK);
    }
    for (int row = 0; row < rows.size(); row++) {
      int y = TOP + row * CELL_HEIGHT;
      raster.textBefore(LEFT - 6, y + TEXT_DROP, rows.get(row), Palette.BLACK);
      for (int column = 0; column < columns.size(); column++) {
        drawCell(raster, LEFT + column * CELL_WIDTH, y, values.get(row).get(column));
      }
    }
    return raster;
  }

  private static void drawCell(Raster raster, int x, int y, double value) {
    boolean there = !Double.isNaN(value);
    int colour = there ? Palette.score(value) : Palette.GREY;
    raster.fill(x, y, CELL_WIDTH - 1, CELL_HEIGHT - 1, colour);
    String text = there ? String.format(Locale.ROOT, "%.0f%%", 100 * value) : "-";
    raster.centredText(x + CELL_WIDTH / 2, y + TEXT_DROP, text, Palette.BLACK);
  }
}
