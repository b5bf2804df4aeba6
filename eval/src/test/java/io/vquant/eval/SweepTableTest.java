package io.vquant.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SweepTableTest {
  private static final Perplexity PERPLEXITY =
      Perplexity.of(List.of(WindowLoss.of(new double[] {1, 1, 1})));

  private static SweepRow row(String policy, double bits, double... klds) {
    DivergenceStatistics statistics = new DivergenceStatistics();
    for (double kld : klds) {
      statistics.add(new TokenDivergence(1, 1, kld, 0.5, true));
    }
    return new SweepRow(
        new BenchRow.Kv(policy, bits, 3 << 20),
        PERPLEXITY,
        1,
        klds.length == 0 ? Optional.empty() : Optional.of(statistics.summary()),
        12.5,
        false);
  }

  private static final List<SweepRow> ROWS =
      List.of(row("bf16", 16), row("k4v4", 4.75, 0.25, 0.75), row("f32", 32, 0, 0));

  @Test
  void theBaseHasNoDivergence() {
    List<String> lines = SweepTable.format(ROWS, ReportFormat.MD).lines().toList();
    assertThat(lines.get(2)).contains("| bf16 ", "| 16.00 |", " base |", " 12.5 |");
    assertThat(lines.get(3)).contains("| k4v4 ", " 0.500000 |", " 100.00 % |", " 3.00 |");
    String json = SweepTable.format(ROWS, ReportFormat.JSONL).lines().findFirst().orElseThrow();
    assertThat(json).contains("\"mean_kld\":null", "\"partial\":false");
    List<String> csv = SweepTable.format(ROWS, ReportFormat.CSV).lines().toList();
    assertThat(csv.get(1)).contains(",1.0,,,,");
    assertThat(csv.get(2).split(",", -1)).hasSameSizeAs(csv.getFirst().split(",", -1));
  }

  @Test
  void theBaseIsNoPointAndNothingHasALeastHeight() {
    var points = SweepTable.plot("t", ROWS).points();
    assertThat(points).hasSize(2);
    assertThat(points.get(0).y()).isEqualTo(0.5);
    assertThat(points.get(1).y()).isPositive();
  }
}
