package io.vquant.eval.needle;

import io.vquant.eval.ReportFormat;
import io.vquant.eval.ReportTable;
import io.vquant.eval.ReportTable.Column;
import io.vquant.eval.ReportTable.Field;
import io.vquant.eval.plots.HeatMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Results of the needle test as text and as a picture; depths from the beginning downwards. */
public record NeedleReport(NeedleGrid grid, List<NeedleGrid.Cell> cells) {
  private static final List<Field<NeedleGrid.Cell>> FIELDS =
      List.of(
          Field.of("tokens", NeedleGrid.Cell::length),
          Field.of("depth", NeedleGrid.Cell::depth),
          Field.of("trials", NeedleGrid.Cell::trials),
          Field.of("found", NeedleGrid.Cell::found),
          Field.of("score", NeedleGrid.Cell::score));

  public NeedleReport {
    cells = List.copyOf(cells);
  }

  /** The table of fields, for programs. */
  public ReportTable<NeedleGrid.Cell> table() {
    return new ReportTable<>(FIELDS, List.of());
  }

  /** A grid in Markdown: a row a depth, a column a length; a dash where nothing was measured. */
  public String markdown() {
    List<Column<Double>> columns = new ArrayList<>();
    columns.add(Column.text("depth", NeedleReport::percent));
    for (int length : grid.lengths()) {
      columns.add(
          Column.number(
              length + " tokens",
              depth -> find(length, depth).map(cell -> percent(cell.score())).orElse("-")));
    }
    return new ReportTable<>(List.of(), columns).format(grid.depths(), ReportFormat.MD);
  }

  private Optional<NeedleGrid.Cell> find(int length, double depth) {
    return cells.stream()
        .filter(cell -> cell.length() == length && cell.depth() == depth)
        .findFirst();
  }

  /** Part of all trials in which the key was found; NaN without any. */
  public double score() {
    int trials = cells.stream().mapToInt(NeedleGrid.Cell::trials).sum();
    return cells.stream().mapToInt(NeedleGrid.Cell::found).sum() / (double) trials;
  }

  /** The grid as a picture. */
  public HeatMap heatMap(String title) {
    List<List<Double>> values = new ArrayList<>();
    for (double depth : grid.depths()) {
      values.add(
          grid.lengths().stream()
              .map(length -> find(length, depth).map(NeedleGrid.Cell::score).orElse(Double.NaN))
              .toList());
    }
    return new HeatMap(
        title,
        "tokens of the prompt",
        grid.lengths().stream().map(String::valueOf).toList(),
        "depth",
        grid.depths().stream().map(NeedleReport::percent).toList(),
        values);
  }

  private static String percent(double part) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * part);
  }
}
