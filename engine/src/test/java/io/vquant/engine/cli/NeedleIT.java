package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code needle} through the jar: the bundled model finds the pass keys it was trained to find. */
final class NeedleIT {
  @TempDir private Path temp;

  private static Cli.Outcome run(String... args) {
    List<String> all = new ArrayList<>(List.of("needle", "-t", "2"));
    all.addAll(List.of(args));
    return Cli.computing().run(all.toArray(new String[0]));
  }

  @Test
  void theBundledModelFindsItsKeys() throws IOException {
    Path png = temp.resolve("grid.png");
    Cli.Outcome outcome =
        run("--lengths", "300,900", "--depths", "10,50,90", "--png", png.toString()).succeeds();
    assertThat(outcome.out())
        .contains("| depth | 300 tokens | 900 tokens |")
        .contains("found in 100.0 % of 6 prompts");
    assertThat(Files.readAllBytes(png)).startsWith(0x89, 'P', 'N', 'G');
  }

  @Test
  void cellsForPrograms() throws IOException {
    Files.writeString(temp.resolve("b.txt"), "The owl sang. ".repeat(60));
    Files.writeString(temp.resolve("a.txt"), "The fox ran home. ".repeat(60));
    JsonNode cells =
        JsonMapper.shared()
            .readTree(
                run("--lengths", "400", "--depths", "50", "--haystack", temp.toString(), "--json")
                    .succeeds()
                    .out());
    assertThat(cells.size()).isEqualTo(1);
    assertThat(cells.get(0).propertyNames())
        .containsExactly("tokens", "depth", "trials", "found", "score", "partial");
    assertThat(cells.get(0).get("tokens").asInt()).isEqualTo(400);
  }

  @Test
  void whatCannotBeHiddenIsNamedInALine() throws IOException {
    Path empty = Files.createDirectory(temp.resolve("empty"));
    run("--lengths", "8190").failsWith(2, "--lengths 8190", "8200 tokens", "limit is 8192");
    run("--lengths", "20").failsWith(2, "prompt of 20 tokens: keys and question alone take");
    run("--depths", "101").failsWith(2, "--depths 101: expected 0 to 100");
    run("--keys", "9").failsWith(2, "--keys 9: expected 1 to 8");
    run("--haystack", empty.toString()).failsWith(4, "no *.txt files");
    run("--haystack", temp.resolve("none").toString()).failsWith(4, "no such file");
    run("--kv", "bf16", "--kv", "f32").failsWith(2, "this command runs one policy");
  }
}
