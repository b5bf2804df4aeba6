package io.vquant.engine.cli;

import io.vquant.eval.ReportFormat;
import io.vquant.eval.ReportTable;
import io.vquant.eval.ReportTable.Field;
import io.vquant.eval.needle.NeedleGrid;
import io.vquant.eval.needle.NeedleReport;
import java.util.ArrayList;
import java.util.List;

/** The cells of the needle test for programs, each marked where the test was interrupted. */
record NeedleOutput(List<NeedleGrid.Cell> cells, ReportTable<NeedleGrid.Cell> table) {

  static NeedleOutput of(NeedleReport report, boolean partial) {
    List<Field<NeedleGrid.Cell>> fields = new ArrayList<>(report.table().fields());
    fields.add(Field.of("partial", cell -> partial));
    return new NeedleOutput(report.cells(), new ReportTable<>(fields, List.of()));
  }

  String format(ReportFormat format) {
    return table.format(cells, format);
  }
}
