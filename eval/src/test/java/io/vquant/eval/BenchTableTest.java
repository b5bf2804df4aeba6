package io.vquant.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class BenchTableTest {
  private static final BenchProbe PROBE = new BenchProbe(315.4, 24.62, 1.96);
  private static final List<BenchRow> ROWS =
      List.of(
          row("a, \"b\"", "pp512", 0, List.of(479.0, 481.252)),
          row("a|b", "tg128", 2048, List.of(52.0)));

  private static BenchRow row(String model, String test, int depth, List<Double> rates) {
    return new BenchRow(
        new BenchRow.Model(model, "q4", 3 << 20, 1_500_000),
        "cpu",
        2,
        new BenchRow.Kv("bf16", 16, 640),
        test,
        depth,
        rates,
        PROBE,
        7,
        false);
  }

  @Test
  void markdownHasAlignedColumnsAndAPointInEveryLocale() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.GERMANY);
    try {
      List<String> lines = BenchTable.format(ROWS, ReportFormat.MD).lines().toList();
      assertThat(lines).hasSize(4);
      assertThat(lines).allSatisfy(line -> assertThat(line).hasSameSizeAs(lines.getFirst()));
      assertThat(lines.get(2))
          .contains("| 3.00 MiB |", "| 1.50 M |", "| 16.00 |", "| pp512 ")
          .contains(" 480.13 ± 1.59 |", " 315 |", " 24.6 |", " 1.96 |");
      assertThat(lines.get(3)).startsWith("| a\\|b ").contains("| tg128 @ d2048 |");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void csvQuotesCellsAndHasAsManyAsTheHeader() {
    List<String> lines = BenchTable.format(ROWS, ReportFormat.CSV).lines().toList();
    assertThat(lines.get(2))
        .isEqualTo(
            "a|b,cpu,2,bf16,tg128,2048,52.0,0.0,1,315.4,24.62,1.96,7,3145728,1500000,q4,"
                + "16.777216,16.0,640,52.0,false");
    assertThat(lines.get(1)).startsWith("\"a, \"\"b\"\"\",cpu,").contains(",479.0 481.252,");
    assertThat(lines.get(2).split(",", -1)).hasSameSizeAs(lines.getFirst().split(",", -1));
  }

  @Test
  void jsonLinesHoldTheFieldsOfTheContractInOrder() {
    List<String> lines = BenchTable.format(ROWS, ReportFormat.JSONL).lines().toList();
    assertThat(lines.get(1))
        .isEqualTo(
            "{\"model\":\"a|b\",\"device\":\"cpu\",\"threads\":2,\"kv\":\"bf16\",\"test\":\"tg128\","
                + "\"depth\":2048,\"tokens_per_s\":52.0,\"stddev\":0.0,\"repeats\":1,\"probe\":{"
                + "\"fma_gflops\":315.4,\"read_gb_per_s\":24.62,\"scaling\":1.96},"
                + "\"peak_rss_bytes\":7,\"model_bytes\":3145728,\"model_parameters\":1500000,"
                + "\"weights\":\"q4\",\"bits_per_weight\":16.777216,"
                + "\"effective_bits\":16.0,\"kv_bytes\":640,\"samples_per_s\":[52.0],"
                + "\"partial\":false}");
    assertThat(BenchTable.format(ROWS, ReportFormat.JSON)).startsWith("[").endsWith("]\n");
  }

  @Test
  void rateIsMeanAndSampleDeviation() {
    BenchRow two = row("m", "pp1", 0, List.of(10.0, 20.0));
    assertThat(two.tokensPerSecond()).isCloseTo(15, within(1e-9));
    assertThat(two.stddev()).isCloseTo(Math.sqrt(50), within(1e-9));
    assertThat(row("m", "pp1", 0, List.of(10.0)).stddev()).isZero();
    assertThatThrownBy(() -> row("m", "pp1", 0, List.of())).hasMessageContaining("0 repeats");
    assertThat(two.asPartial().partial()).isTrue();
  }
}
