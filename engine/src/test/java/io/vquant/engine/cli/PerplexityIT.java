package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code perplexity} through the jar, with the bundled model. */
final class PerplexityIT {
  private static final int INTERRUPTED = 130;
  private static final String STORY =
      """
      Once upon a time there was a brave fox. She lived near a river.
      One day she wanted to learn to swim. "Will you help me?" she asked the duck.
      The duck smiled. "Yes," said the duck, "come in, the water is warm."
      Straße, naïve 🦊: the fox laughed and jumped into the water.
      """;
  @TempDir private Path temp;
  private String story;

  @BeforeEach
  void writeStory() throws IOException {
    story = file("a story.txt", STORY.repeat(2));
  }

  private String file(String name, String text) throws IOException {
    return Files.writeString(temp.resolve(name), text).toString();
  }

  /** With all compilers: half of them make vector operations a hundred times slower. */
  private static Cli cli() {
    return Cli.onThisJava().withOptions("-XX:TieredStopAtLevel=4");
  }

  private static Cli.Outcome run(String... args) {
    List<String> all = new ArrayList<>(List.of("perplexity", "-t", "1"));
    all.addAll(List.of(args));
    return cli().run(all.toArray(new String[0]));
  }

  private static JsonNode json(String... args) {
    String[] all = Arrays.copyOf(args, args.length + 1);
    all[args.length] = "--json";
    Cli.Outcome outcome = run(all).succeeds();
    assertThat(outcome.out().lines()).hasSize(1);
    return JsonMapper.shared().readTree(outcome.out());
  }

  @Test
  void jsonHasEveryField() {
    JsonNode json = json("--text", story, "--context", "64", "--limit", "2");
    assertThat(json.propertyNames())
        .containsExactly(
            "perplexity",
            "error",
            "tokens_scored",
            "windows",
            "bits_per_byte",
            "kv",
            "partial",
            "model",
            "weights",
            "bits_per_weight",
            "device",
            "protocol",
            "mode",
            "context",
            "bos",
            "text_tokens",
            "bytes_scored");
    assertThat(json.get("kv").propertyNames()).containsExactly("policy", "effective_bits", "bytes");
    assertThat(json.get("tokens_scored").asInt()).isEqualTo(2 * 63);
    assertThat(json.get("windows").size()).isEqualTo(2);
    double sum =
        json.get("windows").get(0).get("nll").asDouble()
            + json.get("windows").get(1).get("nll").asDouble();
    assertThat(json.get("perplexity").asDouble()).isCloseTo(Math.exp(sum / 126), within(1e-9));
    assertThat(json.get("bits_per_byte").asDouble())
        .isCloseTo(sum / Math.log(2) / json.get("bytes_scored").asLong(), within(1e-9));
    assertThat(json.get("error").asDouble()).isPositive();
    assertThat(json.get("partial").asBoolean()).isFalse();
    assertThat(json.get("bos").isNull()).isTrue();
    assertThat(json.get("protocol").asString()).isEqualTo("gptq");
    assertThat(json.get("mode").asString()).isEqualTo("prefill");
  }

  @Test
  void textSaysWhatWasMeasured() {
    Cli.Outcome outcome =
        run("--text", story, "-c", "64", "--limit", "1", "--protocol", "llama.cpp").succeeds();
    assertThat(outcome.out())
        .contains("KV cache k8v4,lines=1%")
        .contains("windows of 64 tokens, the last 31 scored (protocol llama.cpp, mode prefill)")
        .contains("no BOS")
        .containsPattern("Final estimate: PPL = \\d+\\.\\d{4} \\+/- \\d+\\.\\d{5}\n")
        .containsPattern("31 tokens scored in 1 of \\d+ windows, \\d+ bytes, \\d+\\.\\d{4} bits");
    assertThat(outcome.err()).doesNotContain("\r").contains("t/s");
  }

  @Test
  void decodeAndPrefillGiveTheSameNumbers() {
    String[] args = {"--text", story, "-c", "70", "--limit", "1", "--mode", "prefill"};
    JsonNode prefill = json(args);
    args[args.length - 1] = "decode";
    assertThat(json(args).get("windows")).isEqualTo(prefill.get("windows"));
  }

  @Test
  void aPolicyDoesNotDivergeFromItselfButFromAnother() {
    JsonNode same =
        json("--text", story, "-c", "64", "--limit", "1", "--kv", "f32", "--against", "f32");
    JsonNode divergence = same.get("divergence");
    assertThat(divergence.propertyNames())
        .containsExactly(
            "mean_kld",
            "median_kld",
            "p90",
            "p95",
            "p99",
            "p99_9",
            "max_kld",
            "same_top_percent",
            "mean_delta_p",
            "rms_delta_p",
            "against",
            "against_weights",
            "base_perplexity",
            "base_error");
    assertThat(divergence.get("max_kld").asDouble()).isZero();
    assertThat(divergence.get("rms_delta_p").asDouble()).isZero();
    assertThat(divergence.get("same_top_percent").asDouble()).isEqualTo(100);
    assertThat(divergence.get("base_perplexity")).isEqualTo(same.get("perplexity"));
    Cli.Outcome other =
        run("--text", story, "-c", "64", "--limit", "1", "--against", "f32").succeeds();
    assertThat(other.out())
        .containsPattern("Mean    KLD: +\\d")
        .containsPattern("99\\.9%   KLD: +\\d")
        .containsPattern("Same top p: +\\d+\\.\\d{3} ± \\d\\.\\d{3} %")
        .contains("Q is KV cache k8v4,lines=1%");
  }

  @Test
  void lineEndsCountAsPythonReadsThem() throws IOException {
    String dos = file("dos.txt", STORY.repeat(2).replace("\n", "\r\n"));
    String mac = file("mac.txt", STORY.repeat(2).replace('\n', '\r'));
    JsonNode expected = json("--text", story, "-c", "64", "--limit", "1").get("windows");
    assertThat(json("--text", dos, "-c", "64", "--limit", "1").get("windows")).isEqualTo(expected);
    assertThat(json("--text", mac, "-c", "64", "--limit", "1").get("windows")).isEqualTo(expected);
  }

  @Test
  void bytesAreThoseOfTheTextBehindTheScoredTokens() throws IOException {
    JsonNode tokens =
        JsonMapper.shared()
            .readTree(Cli.onThisJava().run("tokenize", "--json", "-f", story).succeeds().out());
    int count = tokens.get("ids").size();
    int firstBytes = tokens.get("tokens").get(0).asString().length(); // ASCII here
    JsonNode json = json("--text", story, "-c", Integer.toString(count));
    assertThat(json.get("text_tokens").asInt()).isEqualTo(count);
    assertThat(json.get("bytes_scored").asLong())
        .isEqualTo(Files.size(Path.of(story)) - firstBytes);
  }

  @Test
  void bosIsStatedAndCounts() {
    JsonNode without = json("--text", story, "-c", "64", "--limit", "1");
    JsonNode with = json("--text", story, "-c", "64", "--limit", "1", "--bos");
    assertThat(with.get("bos").isNumber()).isTrue();
    assertThat(with.get("text_tokens")).isEqualTo(without.get("text_tokens"));
    assertThat(with.get("windows")).isNotEqualTo(without.get("windows"));
  }

  @Test
  void textsThatCannotBeScored() throws IOException {
    String empty = file("empty.txt", "");
    Path binary = Files.write(temp.resolve("binary"), new byte[] {'a', (byte) 0xff, 0, 1});
    String missing = temp.resolve("none.txt").toString();
    String zeros = file("zeros", "a\0b".repeat(200));
    run("--text", zeros, "-c", "64").failsWith(4, "zeros: binary: NUL at character 1");
    String brief = file("brief.txt", "Once upon a time.");
    run("--text", empty, "-c", "64").failsWith(4, "empty.txt: empty");
    run("--text", binary.toString(), "-c", "64").failsWith(4, "not UTF-8: byte 0xff at offset 1");
    run("--text", missing, "-c", "64").failsWith(4, "no such file");
    run("--text", brief, "-c", "64", "--quiet").failsWith(4, "brief.txt: ", "at least 64");
  }

  @Test
  void optionsThatCannotBe() {
    run("-c", "64").failsWith(2, "--text");
    run("--text", story).failsWith(2, "no --context");
    run("--text", story, "-c", "0").failsWith(2, "--context 0");
    run("--text", story, "-c", "1").failsWith(2, "--context 1: expected 3 or more");
    run("--text", story, "-c", "4", "--protocol", "llama.cpp").failsWith(2, "expected 5 or more");
    run("--text", story, "-c", "1000000").failsWith(2, "--context 1000000", "limit is 8192");
    run("--text", story, "-c", "64", "--limit", "0").failsWith(2, "--limit 0");
    run("--text", story, "-c", "64", "--mode", "x").failsWith(2, "expected one of prefill, decode");
    run("--text", story, "-c", "64", "--protocol", "x").failsWith(2, "one of gptq, llama.cpp");
    run("--text", story, "-c", "64", "--against", "k5v4").failsWith(2, "--against k5v4");
  }

  @Test
  void anInterruptedRunKeepsItsFinishedWindows() throws IOException, InterruptedException {
    String longStory = file("long.txt", STORY.repeat(4000));
    String[] args = {
      "perplexity", "-t", "1", "--text", longStory, "-c", "8", "--mode", "decode", "--json"
    };
    Process process = cli().start(args);
    process.getOutputStream().close();
    CompletableFuture<byte[]> out = Cli.readAll(process.getInputStream());
    BufferedReader err =
        new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
    assertThat(err.readLine()).contains("device cpu"); // said just before the first window
    Thread.sleep(3000);
    assertThat(new ProcessBuilder("kill", "-INT", "" + process.pid()).start().waitFor()).isZero();
    byte[] rest = err.readAllAsString().getBytes(StandardCharsets.UTF_8);
    Cli.Outcome outcome =
        Cli.await(process, out, CompletableFuture.completedFuture(rest), List.of(args));
    assertThat(outcome.exitCode()).as("%s", outcome).isEqualTo(INTERRUPTED);
    JsonNode json = JsonMapper.shared().readTree(outcome.out());
    assertThat(json.get("partial").asBoolean()).isTrue();
    assertThat(json.get("windows").size()).isPositive();
    assertThat(json.get("tokens_scored").asInt()).isEqualTo(7 * json.get("windows").size());
  }
}
