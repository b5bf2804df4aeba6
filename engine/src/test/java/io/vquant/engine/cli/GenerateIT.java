package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Generation through the jar: output, pipes, signals, locales, paths. */
final class GenerateIT {
  private static final int INTERRUPTED = 130;
  private static final String PROMPT =
      "Tell me a story about a brave fox who wants to learn to swim.";
  private static final String[] ENDLESS = {
    "generate", "--temp", "0", "--ignore-eos", "-c", "4096", PROMPT
  };
  @TempDir private Path temp;

  @Test
  void jsonHasEveryField() {
    Cli.Outcome outcome =
        Cli.computing().run("generate", "--json", "-n", "5", "--temp", "0", PROMPT).succeeds();
    assertThat(outcome.out().lines()).hasSize(1);
    JsonNode json = JsonMapper.shared().readTree(outcome.out());
    assertThat(json.propertyNames())
        .containsExactly(
            "model",
            "device",
            "prompt_ids",
            "token_ids",
            "text",
            "finish_reason",
            "seed",
            "kv",
            "timings",
            "memory");
    assertThat(json.get("kv").propertyNames()).containsExactly("policy", "effective_bits", "bytes");
    assertThat(json.get("timings").propertyNames())
        .containsExactly(
            "load_ms",
            "prefill_ms",
            "decode_ms",
            "prefill_tokens_per_s",
            "decode_tokens_per_s",
            "first_token_ms");
    assertThat(json.get("memory").propertyNames())
        .containsExactly(
            "weights_bytes",
            "weights",
            "bits_per_weight",
            "kv_bytes",
            "scratch_bytes",
            "peak_rss_bytes");
    assertThat(json.get("token_ids").size()).isEqualTo(5);
    assertThat(json.get("finish_reason").asString()).isEqualTo("length");
    assertThat(json.get("timings").get("first_token_ms").asDouble()).isBetween(50.0, 60_000.0);
    assertThat(json.get("memory").get("weights_bytes").asLong()).isEqualTo(13_902_336);
  }

  @Test
  void toTheEndOfTheAnswer() {
    Cli.Outcome outcome =
        Cli.computing().run("generate", "-n", "-1", "--temp", "0", "Count to 12.").succeeds();
    assertThat(outcome.out()).contains("1, 2, 3").endsWith("\n");
    assertThat(outcome.err()).contains("ended by stop").contains("device cpu (auto:");
  }

  @Test
  void theSameSeedGivesTheSameText() {
    String[] args = {"generate", "--quiet", "--seed", "7", "-n", "20", PROMPT};
    Cli.Outcome first = Cli.computing().run(args).succeeds();
    assertThat(first.err()).isEmpty();
    assertThat(Cli.computing().run(args).succeeds().out()).isEqualTo(first.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"tr-TR", "de-DE", "ar-EG"})
  void localesChangeNothing(String locale) {
    String[] args = {"inspect", "--tensors"};
    String plain = Cli.onThisJava().run(args).succeeds().out();
    String[] parts = locale.split("-", 2);
    Cli cli =
        Cli.computing().withOptions("-Duser.language=" + parts[0], "-Duser.country=" + parts[1]);
    assertThat(cli.run(args).succeeds().out()).isEqualTo(plain);
    Cli.Outcome outcome = cli.run("generate", "-n", "3", "--temp", "0", PROMPT).succeeds();
    assertThat(outcome.err()).containsPattern("at \\d+\\.\\d t/s");
    cli.run("generate", "--top-p", "1.5", "x").failsWith(2, "--top-p 1.5");
  }

  @Test
  void posixLocaleKeepsLettersAndPaths() throws IOException {
    Cli posix = Cli.computing().withEnvironment("LC_ALL", "POSIX");
    Cli utf8 = Cli.computing().withEnvironment("LC_ALL", "C.UTF-8");
    String[] args = {"tokenize", "--json", "Grüße, 世界 🦊"};
    assertThat(posix.run(args).succeeds().out()).isEqualTo(utf8.run(args).succeeds().out());
    ModelFolder model = ModelFolder.complete(temp.resolve("模型 with spaces"));
    posix.run("inspect", "-m", model.toString()).succeeds();
  }

  @Test
  void pathsWithSpacesAndOtherScripts() throws IOException {
    ModelFolder model = ModelFolder.complete(temp.resolve("a model, 模型 için"));
    Path prompt = Files.writeString(temp.resolve("istek metni 願い.txt"), PROMPT + "\n");
    Cli.Outcome outcome =
        Cli.computing()
            .run("generate", "-m", model.toString(), "-f", prompt.toString(), "-n", "2", "--json")
            .succeeds();
    JsonNode json = JsonMapper.shared().readTree(outcome.out());
    assertThat(json.get("model").asString()).isEqualTo(model.toString());
  }

  @Test
  void pipedPromptIsTheSameAsAnArgument() {
    String[] args = {"generate", "--temp", "0", "-n", "8", "--quiet"};
    String piped =
        Cli.computing()
            .runWithInput((PROMPT + "\n").getBytes(StandardCharsets.UTF_8), args)
            .succeeds()
            .out();
    String argument =
        Cli.computing()
            .run("generate", "--temp", "0", "-n", "8", "--quiet", PROMPT)
            .succeeds()
            .out();
    assertThat(piped).isEqualTo(argument);
  }

  @Test
  void closedStdoutEndsQuietly() throws IOException, InterruptedException {
    Process process = Cli.computing().start(ENDLESS);
    process.getOutputStream().close();
    CompletableFuture<byte[]> err = Cli.readAll(process.getErrorStream());
    try (InputStream out = process.getInputStream()) {
      assertThat(out.readNBytes(10)).hasSize(10);
    }
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).as("ends soon").isTrue();
    assertThat(process.exitValue()).isZero();
    String text = new String(err.join(), StandardCharsets.UTF_8);
    assertThat(text).doesNotContain("vquant:", "Exception");
  }

  @ParameterizedTest
  @ValueSource(strings = {"INT", "TERM"})
  void signalsKeepTheTextSoFar(String signal) throws IOException, InterruptedException {
    Process process = Cli.computing().start(ENDLESS);
    process.getOutputStream().close();
    CompletableFuture<byte[]> err = Cli.readAll(process.getErrorStream());
    assertThat(process.getInputStream().readNBytes(20)).hasSize(20);
    CompletableFuture<byte[]> rest = Cli.readAll(process.getInputStream());
    assertThat(new ProcessBuilder("kill", "-" + signal, "" + process.pid()).start().waitFor())
        .isZero();
    Cli.Outcome outcome = Cli.await(process, rest, err, List.of(ENDLESS));
    assertThat(outcome.exitCode()).isEqualTo(INTERRUPTED);
    assertThat(outcome.out()).endsWith("\n");
    assertThat(outcome.err()).contains("ended by cancelled").doesNotContain("Exception");
  }
}
