package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code kv-sweep} through the jar, with the bundled model. */
final class KvSweepIT {
  @TempDir private Path temp;
  private String text;

  @BeforeEach
  void writeText() throws IOException {
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < 40; i++) {
      all.append("Once upon a time there was a brave fox named Ben. ")
          .append(
              "He lived near the %s and had %d hens. "
                  .formatted(i % 3 == 0 ? "river" : "hill", 7 * i % 10));
    }
    text = Files.writeString(temp.resolve("text.txt"), all).toString();
  }

  private Cli.Outcome run(String... args) {
    List<String> all = new ArrayList<>(List.of("kv-sweep", "-t", "2", "--text", text));
    all.addAll(List.of(args));
    return Cli.computing().run(all.toArray(new String[0]));
  }

  @Test
  void fewerBitsDivergeMore() throws IOException {
    Path png = temp.resolve("front.png");
    JsonNode rows =
        JsonMapper.shared()
            .readTree(
                run(
                        "-c",
                        "320",
                        "--limit",
                        "1",
                        "--k",
                        "8,2",
                        "--v",
                        "8,2",
                        "--lines",
                        "0",
                        "--window",
                        "0",
                        "--png",
                        png.toString(),
                        "--json")
                    .succeeds()
                    .out());
    assertThat(rows.size()).isEqualTo(5);
    assertThat(rows.get(0).get("kv").asString()).isEqualTo("bf16");
    assertThat(rows.get(0).get("mean_kld").isNull()).isTrue();
    assertThat(rows.get(0).get("relative_perplexity").asDouble()).isEqualTo(1);
    assertThat(rows.get(1).get("kv").asString()).isEqualTo("k8v8,lines=0,window=0");
    double eight = rows.get(1).get("mean_kld").asDouble();
    double two = rows.get(4).get("mean_kld").asDouble();
    assertThat(two).isGreaterThan(10 * eight);
    assertThat(rows.get(4).get("effective_bits").asDouble())
        .isLessThan(rows.get(1).get("effective_bits").asDouble());
    assertThat(rows.get(4).get("layers_tokens_per_s").asDouble()).isPositive();
    assertThat(Files.readAllBytes(png)).startsWith(0x89, 'P', 'N', 'G');
  }

  @Test
  void aPolicyDoesNotDivergeFromItself() {
    Cli.Outcome outcome =
        run("-c", "64", "--limit", "1", "--kv", "f32", "--kv", "bf16", "--against", "f32")
            .succeeds();
    List<String> lines = outcome.out().lines().toList();
    assertThat(lines).anyMatch(line -> line.startsWith("| f32 ") && line.contains(" 0.000000 |"));
    assertThat(lines).anyMatch(line -> line.startsWith("| bf16 "));
  }

  @Test
  void whatCannotBeComparedIsNamedInALine() {
    run("-c", "64", "--k", "5").failsWith(2, "k5v8");
    run("-c", "64", "--kv", "f32", "--kv", "f32").failsWith(2, "policy f32 comes twice");
    run("-c", "64", "--window", "100").failsWith(2, "window 100");
    run("--k", "8").failsWith(2, "no --context");
    run("-c", "100000").failsWith(2, "--context 100000", "limit is 8192");
    run("-c", "5000").failsWith(4, "text.txt: ", "expected at least 5000");
    run("-c", "64", "--mode", "fast").failsWith(2, "expected one of prefill, decode");
  }
}
