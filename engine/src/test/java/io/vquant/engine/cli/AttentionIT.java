package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code attn-map} and {@code attn-mse} through the jar, with the bundled model. */
final class AttentionIT {
  private static final String STORY =
      "Once upon a time there was a brave fox. She wanted to learn to swim. ";

  @TempDir private Path temp;

  private static Cli.Outcome run(String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    all.addAll(List.of("-t", "1"));
    return Cli.onThisJava().withOptions("-XX:TieredStopAtLevel=4").run(all.toArray(new String[0]));
  }

  @Test
  void aMapIsPrintedAndItsFilesAreWritten() throws IOException {
    Path folder = temp.resolve("a/maps");
    Cli.Outcome outcome =
        run(
            "attn-map",
            "--layer",
            "2",
            "--heads",
            "1",
            "--window",
            "4",
            "--lines",
            "6",
            "--raw",
            "--out",
            folder.toString(),
            STORY);
    outcome.succeeds();
    assertThat(outcome.out()).contains("layer 2", "head 1 (KV head ", "6 lines hold ");
    assertThat(outcome.out().lines().filter(line -> line.startsWith("SSSS"))).hasSize(1);
    try (var files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .anyMatch(name -> name.matches("layer-2-kv-head-\\d+\\.csv"))
          .contains("layer-2-head-1.png")
          .hasSize(2);
    }
    assertThat(ImageIO.read(folder.resolve("layer-2-head-1.png").toFile()).getWidth())
        .isGreaterThan(50);
  }

  @Test
  void jsonNamesTheLines() {
    Cli.Outcome outcome =
        run("attn-map", "--layer", "0", "--window", "4", "--lines", "5", "--json", "--raw", STORY);
    JsonNode json = JsonMapper.shared().readTree(outcome.succeeds().out());
    JsonNode lines = json.get("heads").get(0).get("lines");
    assertThat(lines.size()).isEqualTo(5);
    assertThat(lines.get(0).get("position").intValue()).isZero();
    assertThat(lines.get(4).get("token").stringValue()).isNotEmpty();
  }

  @Test
  void whatAMapCannotShowIsRefused() throws IOException {
    run("attn-map", "--layer", "99", STORY).failsWith(2, "--layer 99: expected 0 to ");
    run("attn-map", "--layer", "-1", STORY).failsWith(2, "--layer -1: expected 0 to ");
    run("attn-map", "--layer", "0", "--heads", "1,77", STORY)
        .failsWith(2, "--heads 1,77: expected numbers from 0 to ");
    run("attn-map", "--layer", "0", "--heads", "2-1", STORY)
        .failsWith(2, "'2-1' is no number or range");
    run("attn-map", "--layer", "0", "--lines", "90%", STORY)
        .failsWith(2, "--lines 90%: expected 0 to");
    run("attn-map", "--layer", "0", "--window", "-1", STORY)
        .failsWith(2, "--window -1: expected 0");
    run("attn-map", STORY).failsWith(2, "--layer");
    Path file = Files.writeString(temp.resolve("file"), "text");
    run("attn-map", "--layer", "0", "--out", file.toString(), STORY)
        .failsWith(4, "a file, expected a folder");
  }

  @Test
  void errorsAreMeasuredOnTheModelsOwnNumbers() throws IOException {
    Path text = Files.writeString(temp.resolve("text"), STORY.repeat(40));
    Cli.Outcome outcome =
        run(
            "attn-mse",
            "--text",
            text.toString(),
            "--tokens",
            "400",
            "--layers",
            "1",
            "--table",
            "main,layers",
            "--json");
    JsonNode json = JsonMapper.shared().readTree(outcome.succeeds().out());
    assertThat(json.get("by_layer").size()).isEqualTo(2);
    for (JsonNode row : json.get("ratios")) {
      assertThat(row.get("all_low_bit_mse").doubleValue()).as("%s", row).isGreaterThan(0);
      boolean both = row.get("row").stringValue().contains(" + window");
      assertThat(row.get("ratio").doubleValue()).as("%s", row).isGreaterThan(both ? 1.5 : 0.5);
    }
  }

  @Test
  void whatCannotBeMeasuredIsRefused() throws IOException {
    String text = Files.writeString(temp.resolve("text"), STORY).toString();
    run("attn-mse", "--text", text).failsWith(4, "tokens, expected at least 2048, see --tokens");
    run("attn-mse", "--text", text, "--tokens", "0").failsWith(2, "--tokens 0: expected 1 or more");
    run("attn-mse", "--text", text, "--table", "maim").failsWith(2, "--table maim: expected all");
    run("attn-mse", "--text", text, "--tokens", "9", "--layers", "0,40")
        .failsWith(2, "--layers 0,40: expected numbers from 0 to ");
  }
}
