package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code --weights} and {@code quantize} through the jar, with the bundled model. */
final class QuantizeIT {
  private static final int USAGE = 2;
  private static final int BAD_MODEL = 3;
  private static final int BAD_INPUT = 4;
  private static final String IDS = "1,5,9,2,6,5,3,5";
  @TempDir private Path temp;

  private static Cli cli() {
    return Cli.onThisJava().withOptions("-XX:TieredStopAtLevel=4");
  }

  private static JsonNode json(Cli.Outcome outcome) {
    return JsonMapper.shared().readTree(outcome.succeeds().out());
  }

  private byte[] logits(String... model) throws IOException {
    Path file = temp.resolve("logits.safetensors");
    List<String> all =
        new ArrayList<>(List.of("logits", "--ids", IDS, "--out", file.toString(), "-t", "2"));
    all.addAll(List.of(model));
    cli().run(all.toArray(new String[0])).succeeds();
    return Files.readAllBytes(file);
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(temp)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  @Test
  void aFolderOfCodesComputesWhatQuantizingOnLoadDoes() throws IOException {
    String folder = temp.resolve("q4").toString();
    JsonNode told = json(cli().run("quantize", "--weights", "q4", "--out", folder, "--json"));
    assertThat(told.get("bits_per_weight").asDouble()).isBetween(5.0, 5.05);
    assertThat(names()).containsExactly("q4");
    assertThat(logits("-m", folder)).isEqualTo(logits("--weights", "q4"));

    JsonNode inspected = json(cli().run("inspect", "-m", folder, "--check", "--json"));
    JsonNode weights = inspected.get("weights");
    assertThat(weights.get("scheme").asString()).isEqualTo("q4,group=32,outliers=off");
    assertThat(weights.get("bytes").asLong())
        .isEqualTo(inspected.get("memory").get("weights_bytes").asLong())
        .isEqualTo(told.get("weights_bytes").asLong())
        .isLessThan(Files.size(Path.of(folder, "model.safetensors")));
    cli().run("quantize", "--weights", "q8", "--out", folder).failsWith(BAD_INPUT, "there already");
    cli()
        .run("quantize", "-m", folder, "--weights", "q4", "--out", temp.resolve("again").toString())
        .failsWith(USAGE, "quantized already");
    cli()
        .run("generate", "-m", folder, "--weights", "q8", "hello")
        .failsWith(USAGE, "stored as q4,group=32,outliers=off");
    cli()
        .run("generate", "-m", folder, "--weights", "bf16", "hello")
        .failsWith(USAGE, "stored as q4,group=32,outliers=off");
    assertThat(names()).containsExactly("logits.safetensors", "q4");
  }

  @Test
  void reportsAndMeasuresEveryFormat() {
    JsonNode inspected = json(cli().run("inspect", "--weights", "q8,outliers=3", "--json"));
    assertThat(inspected.get("weights").get("outliers").asLong()).isPositive();
    JsonNode report =
        json(
            cli()
                .run(
                    "quantize",
                    "--report",
                    "--json",
                    "--weights",
                    "q8",
                    "--weights",
                    "q4",
                    "--weights",
                    "q4,outliers=3"));
    List<Double> errors = new ArrayList<>();
    report
        .get("schemes")
        .forEach(scheme -> errors.add(scheme.get("relative_squared_error").asDouble()));
    assertThat(errors.get(0)).isBetween(1e-5, 1e-4);
    assertThat(errors.get(1)).isBetween(3e-3, 1e-2);
    assertThat(errors.get(2)).isBetween(3e-3, 0.9 * errors.get(1));

    JsonNode generated =
        json(cli().run("generate", "--weights", "q4", "--temp", "0", "-n", "12", "Hi", "--json"));
    assertThat(generated.get("memory").get("bits_per_weight").asDouble()).isBetween(5.0, 5.05);
    assertThat(generated.get("memory").get("weights").asString()).startsWith("q4,group=32");

    JsonNode rows =
        json(
            cli()
                .run(
                    "bench",
                    "-p",
                    "8",
                    "-n",
                    "4",
                    "-r",
                    "1",
                    "--json",
                    "--weights",
                    "bf16",
                    "--weights",
                    "q4"));
    assertThat(rows).hasSize(4);
    assertThat(rows.get(1).get("weights").asString()).isEqualTo("q4,group=32,outliers=off");
    assertThat(rows.get(1).get("model_bytes").asLong())
        .isLessThan(rows.get(0).get("model_bytes").asLong() / 3);
  }

  @Test
  void divergenceFromTheStoredWeights() throws IOException {
    Path story = Files.writeString(temp.resolve("story.txt"), "A fox met a duck. ".repeat(40));
    JsonNode result =
        json(
            cli()
                .run(
                    "perplexity",
                    "--text",
                    story.toString(),
                    "-c",
                    "64",
                    "--limit",
                    "2",
                    "--weights",
                    "q8",
                    "--against-weights",
                    "bf16",
                    "--json",
                    "--quiet"));
    assertThat(result.get("divergence").get("mean_kld").asDouble()).isBetween(0.0, 0.002);
    assertThat(result.get("divergence").get("against_weights").asString()).isEqualTo("bf16");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--weights q5|2|--weights q5: expected bf16, q8 or q4",
        "--weights q4,group=48|2|group=48: expected one of [32, 64, 128]",
        "--weights q4,group=128|2|rows of 704 weights",
        "--weights q4 --weights q8|2|this command runs one format",
      })
  void refusesInOneLine(String options, int exitCode, String named) {
    List<String> all = new ArrayList<>(List.of("generate", "Hi", "-n", "1"));
    all.addAll(List.of(options.split(" ", -1)));
    Cli.Outcome outcome = cli().run(all.toArray(new String[0]));
    assertThat(exitCode).isIn(USAGE, BAD_MODEL);
    outcome.failsWith(exitCode, named);
  }

  @Test
  void aKilledRunLeavesNoFolder() throws Exception {
    Path target = temp.resolve("q4");
    Process process =
        cli().start("quantize", "--weights", "q4,outliers=3", "--out", target.toString());
    while (process.isAlive() && process.toHandle().info().startInstant().isEmpty()) {
      Thread.onSpinWait();
    }
    Thread.sleep(700);
    process.destroy();
    int exitCode = process.waitFor();
    if (exitCode == 0) {
      assertThat(Files.exists(target.resolve("config.json"))).isTrue();
    } else {
      assertThat(names()).isEmpty();
    }
  }
}
