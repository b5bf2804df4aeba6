package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.engine.hub.TestHub;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code pull} through the jar, from a hub on the loopback device, and what finds the model. */
final class PullIT {
  private static final int USAGE = 2;
  private static final int BAD_MODEL = 3;
  private static final int BAD_INPUT = 4;
  private final TestHub hub = new TestHub();
  @TempDir private Path temp;

  @BeforeEach
  void fill() throws IOException {
    ModelFolder model = ModelFolder.complete(temp.resolve("source"));
    try (Stream<Path> files = Files.list(Path.of(model.toString()))) {
      for (Path file : files.toList()) {
        hub.large(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
    hub.small("README.md", "# not needed");
  }

  @AfterEach
  void close() {
    hub.close();
  }

  private Cli cli() {
    return Cli.onThisJava().withEnvironment("VQUANT_MODELS", temp.resolve("models").toString());
  }

  @Test
  void aPulledModelIsFoundByName() {
    String[] generate = {"generate", "-m", TestHub.MODEL, "--temp", "0", "-n", "3", "Hi."};
    cli()
        .run(generate)
        .failsWith(BAD_MODEL, "org/tiny: no such folder", "vquant-engine.jar pull org/tiny");
    assertThat(hub.paths()).as("nothing is fetched without being asked").isEmpty();

    Cli.Outcome pulled = cli().run("pull", TestHub.MODEL, "--hub", hub.address()).succeeds();
    Path folder = temp.resolve("models/org/tiny");
    assertThat(pulled.out()).isEqualTo(folder + "\n");
    assertThat(pulled.err()).contains("org/tiny at commit " + TestHub.COMMIT, "fetched ");
    assertThat(folder.resolve("README.md")).doesNotExist();

    int asked = hub.paths().size();
    cli().run(generate).succeeds();
    cli().run("inspect", "-m", TestHub.MODEL).succeeds();
    assertThat(hub.paths()).hasSize(asked);

    Cli.Outcome again =
        cli()
            .withEnvironment("HF_ENDPOINT", hub.address())
            .run("pull", TestHub.MODEL, "--json")
            .succeeds();
    JsonNode json = JsonMapper.shared().readTree(again.out());
    assertThat(json.get("fetched_bytes").asLong()).isZero();
    assertThat(json.get("folder").asString()).isEqualTo(folder.toString());
    assertThat(again.err()).contains("all there before");
  }

  @Test
  void toAFolderOfChoice() {
    Path folder = temp.resolve("a model");
    cli()
        .run("pull", TestHub.MODEL, "--hub", hub.address(), "--to", folder.toString(), "--quiet")
        .succeeds();
    assertThat(folder.resolve("model.safetensors")).exists();
    assertThat(temp.resolve("models")).doesNotExist();
    cli().run("inspect", "-m", folder.toString()).succeeds();
  }

  @Test
  void failuresAreOneLine() {
    cli().run("pull").failsWith(USAGE, "ORG/NAME");
    cli().run("pull", "tiny").failsWith(USAGE, "tiny: expected ORG/NAME");
    cli().run("pull", "../x").failsWith(USAGE, "expected ORG/NAME");
    cli().run("pull", TestHub.MODEL, "--hub", "nowhere").failsWith(USAGE, "--hub nowhere");
    cli()
        .withEnvironment("HF_TOKEN", "a b")
        .run("pull", TestHub.MODEL, "--hub", hub.address())
        .failsWith(USAGE, "HF_TOKEN: token");
    cli().run("pull", "org/other", "--hub", hub.address()).failsWith(BAD_INPUT, "404");
    hub.fault(
        "/revision/gated",
        exchange -> {
          exchange.sendResponseHeaders(401, -1);
          return true;
        });
    cli()
        .run("pull", TestHub.MODEL + "@gated", "--hub", hub.address())
        .failsWith(BAD_INPUT, "401", "HF_TOKEN");
    hub.fault(
        "/revision/empty",
        exchange -> {
          byte[] none =
              ("{\"sha\":\"" + TestHub.COMMIT + "\",\"siblings\":[]}")
                  .getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, none.length);
          exchange.getResponseBody().write(none);
          return true;
        });
    cli()
        .run("pull", TestHub.MODEL + "@empty", "--hub", hub.address())
        .failsWith(BAD_MODEL, "has no config.json");
    assertThat(temp.resolve("models/org/tiny")).doesNotExist();
  }

  @Test
  void generateLoadsNeitherTheTerminalNorTheNetwork() {
    Cli.Outcome outcome =
        cli()
            .withOptions("-Dvquant.launcher=off", "-Xlog:class+load:stderr")
            .run("generate", "-n", "2", "--temp", "0", "Hi.")
            .succeeds();
    assertThat(outcome.out() + outcome.err())
        .contains("io.vquant.engine.cli.GenerateCommand")
        .doesNotContain("org.jline.", "java.net.http.", "io.vquant.engine.hub.", "engine.chat.");
  }
}
