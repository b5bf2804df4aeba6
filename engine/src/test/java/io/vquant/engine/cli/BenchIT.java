package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code bench} through the jar. */
final class BenchIT {

  private static Cli.Outcome run(String... args) {
    String[] all = new String[args.length + 1];
    all[0] = "bench";
    System.arraycopy(args, 0, all, 1, args.length);
    return Cli.computing().run(all);
  }

  @Test
  void policiesTakeTurnsAndHaveARowEach() {
    Cli.Outcome outcome =
        run(
                "-t", "1", "-p", "16", "-n", "4", "-d", "0,70", "-r", "2", "--kv", "f32", "--kv",
                "k8v4", "--json")
            .succeeds();
    JsonNode rows = JsonMapper.shared().readTree(outcome.out());
    assertThat(rows.size()).isEqualTo(8);
    for (int i = 0; i < 8; i++) {
      JsonNode row = rows.get(i);
      assertThat(row.propertyNames())
          .startsWith(
              "model",
              "device",
              "threads",
              "kv",
              "test",
              "depth",
              "tokens_per_s",
              "stddev",
              "repeats",
              "probe",
              "peak_rss_bytes");
      assertThat(row.get("kv").asString()).isEqualTo(i % 2 == 0 ? "f32" : "k8v4");
      assertThat(row.get("test").asString()).isEqualTo(i / 2 % 2 == 0 ? "pp16" : "tg4");
      assertThat(row.get("depth").asInt()).isEqualTo(i < 4 ? 0 : 70);
      assertThat(row.get("repeats").asInt()).isEqualTo(2);
      assertThat(row.get("samples_per_s").size()).isEqualTo(2);
      assertThat(row.get("probe").get("fma_gflops").asDouble()).isPositive();
      assertThat(row.get("effective_bits").asDouble()).isPositive();
      assertThat(row.get("peak_rss_bytes").asLong()).isGreaterThan(10_000_000);
      assertThat(row.get("partial").asBoolean()).isFalse();
    }
    long perToken = rows.get(0).get("kv_bytes").asLong() / 64; // one page of 64 tokens
    assertThat(perToken).isEqualTo(8 * 2 * 2 * 64 * 4); // layers, keys and values, heads, channels
  }

  @Test
  void aRandomModelNeedsNoFiles() {
    Cli.Outcome outcome =
        run("-t", "2", "--random", "smollm2-135m", "-p", "8", "-n", "0", "-r", "1", "-o", "jsonl")
            .succeeds();
    JsonNode row = JsonMapper.shared().readTree(outcome.out());
    assertThat(row.get("model").asString()).isEqualTo("smollm2-135m (random)");
    assertThat(row.get("model_parameters").asLong()).isEqualTo(134_515_008);
    assertThat(row.get("tokens_per_s").asDouble()).isPositive();
  }

  @Test
  void severalLengthsHaveARowEach() {
    Cli.Outcome outcome = run("-t", "1", "-p", "8,0,3", "-n", "2,4", "-r", "1").succeeds();
    assertThat(outcome.out()).contains("pp8", "pp3", "tg2", "tg4").doesNotContain("pp0");
  }

  @Test
  void whatCannotBeMeasuredIsNamedInALine() {
    run("-p", "8,-1").failsWith(2, "-p -1: expected 0 or more");
    run("--random", "smollm").failsWith(2, "--random smollm: expected one of smollm2-135m");
    run("--random", "smollm2-135m", "-m", "x").failsWith(2, "--model and --random");
    run("--random", "llama-3.1-8b", "-d", "131072").failsWith(2, "limit is 131072");
    run("--random", "llama-3.1-8b", "-d", "130000", "--kv", "f32")
        .failsWith(5, "not enough memory", "weights 15317 MiB", "needed", "available");
    run("--kv", "bf16", "--kv", "bf17").failsWith(2, "--kv bf17");
    run("-o", "md", "--json").failsWith(2, "--json and -o md");
  }

  @Test
  void anInterruptedRunKeepsItsRows() throws IOException, InterruptedException {
    String[] args = {
      "bench",
      "-t",
      "1",
      "-p",
      "4",
      "-n",
      "4",
      "-d",
      "0,8,16,24,32,40,48,56",
      "-r",
      "2000",
      "--json",
      "--quiet"
    };
    Process process = Cli.computing().start(args);
    process.getOutputStream().close();
    CompletableFuture<byte[]> out = Cli.readAll(process.getInputStream());
    CompletableFuture<byte[]> err = Cli.readAll(process.getErrorStream());
    Thread.sleep(9000); // the model is open, the first test is under way
    assertThat(new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor()).isZero();
    Cli.Outcome outcome = Cli.await(process, out, err, List.of(args));
    assertThat(outcome.exitCode()).as("%s", outcome).isEqualTo(130);
    JsonNode rows = JsonMapper.shared().readTree(outcome.out());
    assertThat(rows.size()).isPositive();
    for (JsonNode row : rows) {
      assertThat(row.get("partial").asBoolean()).isTrue();
      assertThat(row.get("repeats").asInt()).isEqualTo(row.get("samples_per_s").size());
    }
  }
}
