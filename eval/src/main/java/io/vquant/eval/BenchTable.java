package io.vquant.eval;

import io.vquant.eval.ReportTable.Column;
import io.vquant.eval.ReportTable.Field;
import java.util.List;
import java.util.Locale;

/** Measurements of speed as text, with the columns of llama-bench and some of our own. */
public final class BenchTable {
  private static final ReportTable<BenchRow> TABLE = new ReportTable<>(fields(), columns());

  private BenchTable() {}

  /** The table, ending with a line break. */
  public static String format(List<BenchRow> rows, ReportFormat format) {
    return TABLE.format(rows, format);
  }

  private static List<Field<BenchRow>> fields() {
    return List.of(
        Field.of("model", row -> row.model().name()),
        Field.of("device", BenchRow::device),
        Field.of("threads", BenchRow::threads),
        Field.of("kv", row -> row.kv().policy()),
        Field.of("test", BenchRow::test),
        Field.of("depth", BenchRow::depth),
        Field.of("tokens_per_s", BenchRow::tokensPerSecond),
        Field.of("stddev", BenchRow::stddev),
        Field.of("repeats", row -> row.rates().size()),
        Field.of(
            "probe",
            List.of(
                Field.of("fma_gflops", row -> row.probe().fmaGflops()),
                Field.of("read_gb_per_s", row -> row.probe().readGigabytesPerSecond()),
                Field.of("scaling", row -> row.probe().scaling()))),
        Field.of("peak_rss_bytes", BenchRow::peakRssBytes),
        Field.of("model_bytes", row -> row.model().byteSize()),
        Field.of("model_parameters", row -> row.model().parameters()),
        Field.of("weights", row -> row.model().weights()),
        Field.of("bits_per_weight", row -> row.model().bitsPerWeight()),
        Field.of("effective_bits", row -> row.kv().effectiveBits()),
        Field.of("kv_bytes", row -> row.kv().byteSize()),
        Field.of("samples_per_s", BenchRow::rates),
        Field.of("partial", BenchRow::partial));
  }

  private static List<Column<BenchRow>> columns() {
    return List.of(
        Column.text("model", row -> row.model().name()),
        Column.number("size", row -> mebibytes(row.model().byteSize())),
        Column.number("params", row -> millions(row.model().parameters())),
        Column.text("weights", row -> row.model().weights()),
        Column.text("device", BenchRow::device),
        Column.number("threads", row -> Integer.toString(row.threads())),
        Column.text("kv", row -> row.kv().policy()),
        Column.number("bits", row -> decimal(row.kv().effectiveBits(), 2)),
        Column.text("test", row -> row.test() + (row.depth() == 0 ? "" : " @ d" + row.depth())),
        Column.number(
            "t/s", row -> decimal(row.tokensPerSecond(), 2) + " ± " + decimal(row.stddev(), 2)),
        Column.number("peak memory", row -> mebibytes(row.peakRssBytes())),
        Column.number("FMA GFLOP/s", row -> decimal(row.probe().fmaGflops(), 0)),
        Column.number("read GB/s", row -> decimal(row.probe().readGigabytesPerSecond(), 1)),
        Column.number("scaling", row -> decimal(row.probe().scaling(), 2)));
  }

  private static String mebibytes(long bytes) {
    return decimal(bytes / (double) (1 << 20), 2) + " MiB";
  }

  private static String millions(long count) {
    return decimal(count / 1e6, 2) + " M";
  }

  private static String decimal(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }
}
