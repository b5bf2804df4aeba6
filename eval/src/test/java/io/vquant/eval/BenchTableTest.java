package io.vquant.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class BenchTableTest {
  private static final BenchProbe PROBE = new BenchProbe(315.4, 24.62, 1.96);
  private static final BenchTable TABLE =
      new BenchTable(
          List.of(
              new BenchRow("a, \"b\"", "cpu", 2, "bf16", "pp512", 0, 480.126, 1.5, 5, PROBE, 7),
              new BenchRow("a|b", "cpu", 2, "bf16", "tg128", 2048, 52, 0, 1, PROBE, 8)));

  @Test
  void markdownHasAlignedColumnsAndAPointInEveryLocale() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.GERMANY);
    try {
      List<String> lines = TABLE.format(BenchFormat.MD).lines().toList();
      assertThat(lines).hasSize(4);
      assertThat(lines).allSatisfy(line -> assertThat(line).hasSameSizeAs(lines.getFirst()));
      assertThat(lines.get(2)).contains("| pp512 ", " 480.13 ± 1.50 |", " 24.6 |");
      assertThat(lines.get(3)).startsWith("| a\\|b ").contains("| tg128 @ d2048 |");
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void csvQuotesCellsAndHasAsManyAsTheHeader() {
    List<String> lines = TABLE.format(BenchFormat.CSV).lines().toList();
    assertThat(lines.get(1))
        .isEqualTo("\"a, \"\"b\"\"\",cpu,2,bf16,pp512,0,480.126,1.5,5,315.4,24.62,1.96,7");
    assertThat(lines.get(2).split(",", -1)).hasSameSizeAs(lines.getFirst().split(",", -1));
  }

  @Test
  void jsonLinesHoldTheFieldsOfTheContractInOrder() {
    List<String> lines = TABLE.format(BenchFormat.JSONL).lines().toList();
    assertThat(lines.get(1))
        .isEqualTo(
            "{\"model\":\"a|b\",\"device\":\"cpu\",\"threads\":2,\"kv\":\"bf16\",\"test\":\"tg128\","
                + "\"depth\":2048,\"tokens_per_s\":52.0,\"stddev\":0.0,\"repeats\":1,\"probe\":{"
                + "\"fma_gflops\":315.4,\"read_gb_per_s\":24.62,\"scaling\":1.96},"
                + "\"peak_rss_bytes\":8}");
    assertThat(TABLE.format(BenchFormat.JSON)).startsWith("[").endsWith("]\n");
  }

  @Test
  void rateIsMeanAndSampleDeviation() {
    BenchRow.Rate rate = BenchRow.Rate.of(10, List.of(1_000_000_000L, 500_000_000L));
    assertThat(rate.tokensPerSecond()).isCloseTo(15, within(1e-9));
    assertThat(rate.stddev()).isCloseTo(Math.sqrt(50), within(1e-9));
    assertThat(BenchRow.Rate.of(10, List.of(1_000_000_000L)).stddev()).isZero();
    assertThatThrownBy(() -> BenchRow.Rate.of(1, List.of())).hasMessageContaining("0 repeats");
  }
}
