package io.vquant.eval;

import io.vquant.eval.ReportTable.Column;
import io.vquant.eval.ReportTable.Field;
import io.vquant.eval.plots.ScatterPlot;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** KV cache policies side by side, as text and as a picture. */
public final class SweepTable {
  /** What a logarithmic axis shows for a divergence of nothing. */
  private static final double LEAST_KLD = 1e-9;

  private static final ReportTable<SweepRow> TABLE = new ReportTable<>(fields(), columns());

  private SweepTable() {}

  /** The table, ending with a line break. */
  public static String format(List<SweepRow> rows, ReportFormat format) {
    return TABLE.format(rows, format);
  }

  /** Effective bits against mean KLD; the front is what no other policy beats in both. */
  public static ScatterPlot plot(String title, List<SweepRow> rows) {
    return new ScatterPlot(
        title,
        "effective bits a cached number",
        "mean KLD in nats (logarithmic)",
        true,
        rows.stream()
            .filter(row -> row.divergence().isPresent())
            .map(row ->
                new ScatterPlot.Point(
                    row.kv().policy(),
                    row.kv().effectiveBits(),
                    Math.max(LEAST_KLD, row.divergence().orElseThrow().meanKld().value())))
            .toList());
  }

  private static List<Field<SweepRow>> fields() {
    return List.of(
        Field.of("kv", row -> row.kv().policy()),
        Field.of("effective_bits", row -> row.kv().effectiveBits()),
        Field.of("kv_bytes", row -> row.kv().byteSize()),
        Field.of("perplexity", row -> row.perplexity().value()),
        Field.of("error", row -> row.perplexity().standardError()),
        Field.of("relative_perplexity", SweepRow::relativePerplexity),
        Field.of("mean_kld", row -> of(row, d -> d.meanKld().value())),
        Field.of("mean_kld_error", row -> of(row, d -> d.meanKld().standardError())),
        Field.of("median_kld", row -> of(row, d -> d.kld().median())),
        Field.of("p99", row -> of(row, d -> d.kld().p99())),
        Field.of("p99_9", row -> of(row, d -> d.kld().p999())),
        Field.of("max_kld", row -> of(row, d -> d.kld().max())),
        Field.of("same_top_percent", row -> of(row, d -> 100 * d.sameTop().value())),
        Field.of("rms_delta_p", row -> of(row, d -> d.rmsDeltaP().value())),
        Field.of("layers_tokens_per_s", SweepRow::tokensPerSecond),
        Field.of("tokens_scored", row -> row.perplexity().scoredTokens()),
        Field.of("windows", row -> row.perplexity().windows().size()),
        Field.of("partial", SweepRow::partial));
  }

  private static List<Column<SweepRow>> columns() {
    return List.of(
        Column.text("kv", row -> row.kv().policy()),
        Column.number("bits", row -> decimal(row.kv().effectiveBits(), 2)),
        Column.number("MiB", row -> decimal(row.kv().byteSize() / (double) (1 << 20), 2)),
        Column.number(
            "PPL",
            row ->
                decimal(row.perplexity().value(), 4)
                    + " ± "
                    + decimal(row.perplexity().standardError(), 4)),
        Column.number("PPL / base", row -> decimal(row.relativePerplexity(), 5)),
        Column.number("mean KLD", row -> cell(row, 6, d -> d.meanKld().value())),
        Column.number("99.9 % KLD", row -> cell(row, 5, d -> d.kld().p999())),
        Column.number("same top", row -> cell(row, 2, d -> 100 * d.sameTop().value(), " %")),
        Column.number("layers t/s", row -> decimal(row.tokensPerSecond(), 1)));
  }

  private static @Nullable Double of(SweepRow row, ToDoubleFunction<Divergence> value) {
    Optional<Divergence> divergence = row.divergence();
    return divergence.isPresent() ? (Double) value.applyAsDouble(divergence.get()) : null;
  }

  private static String cell(SweepRow row, int digits, ToDoubleFunction<Divergence> value) {
    return cell(row, digits, value, "");
  }

  private static String cell(
      SweepRow row, int digits, ToDoubleFunction<Divergence> value, String unit) {
    Double number = of(row, value);
    return number == null ? "base" : decimal(number, digits) + unit;
  }

  private static String decimal(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }
}
