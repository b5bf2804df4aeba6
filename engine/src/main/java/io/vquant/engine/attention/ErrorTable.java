package io.vquant.engine.attention;

import java.util.List;

/**
 * A table of what variants gain over all low bit.
 *
 * @param name the table's family
 * @param title what it shows
 * @param rowTitle heads the rows' labels
 * @param columns headings
 */
public record ErrorTable(
    String name, String title, String rowTitle, List<String> columns, List<Row> rows) {

  /**
   * One row.
   *
   * @param variants one a column
   */
  public record Row(String label, List<PrefillVariant> variants) {}
}
