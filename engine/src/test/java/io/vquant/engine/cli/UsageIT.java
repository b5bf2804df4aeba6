package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user may type wrong: exit code 2 or 4 and one line; nothing is computed before. */
final class UsageIT {
  private static final int USAGE = 2;
  private static final int BAD_INPUT = 4;
  private static final int DEVICE_CANNOT = 6;
  @TempDir private Path temp;

  private static Arguments command(String words, String... args) {
    return Arguments.of(words, args);
  }

  static Stream<Arguments> badUsage() {
    return Stream.of(
        command("no command"),
        command("did you mean 'generate'?", "genrate", "x"),
        command("did you mean '--temp'?", "generate", "--tmp", "1", "x"),
        command("did you mean '--max-tokens'?", "generate", "--max-token=3", "x"),
        command("--max-tokens 0", "generate", "-n", "0", "x"),
        command("--max-tokens -2", "generate", "-n", "-2", "x"),
        command("--temp NaN", "generate", "--temp", "NaN", "x"),
        command("--temp -1.0", "generate", "--temp", "-1", "x"),
        command("--top-p 1.5", "generate", "--top-p", "1.5", "x"),
        command("--top-p 0.0", "generate", "--top-p", "0", "x"),
        command("--top-k -1", "generate", "--top-k", "-1", "x"),
        command("--seed", "generate", "--seed", "soon", "x"),
        command("--stop", "generate", "--stop", "", "x"),
        command("--context 9000", "generate", "-c", "9000", "x"),
        command("8192", "generate", "-c", "9000", "x"),
        command("--threads 0", "generate", "-t", "0", "x"),
        command("--kv k5v4: ", "generate", "--kv", "k5v4", "x"),
        command("--attention int2", "generate", "--attention", "int2", "x"),
        command(
            "--attention int8: --kv bf16 implies exact",
            "generate",
            "--attention",
            "int8",
            "--kv",
            "bf16",
            "x"),
        command("--weights q5", "generate", "--weights", "q5", "x"),
        command("--device tpu", "generate", "--device", "tpu", "x"),
        command("quotes", "generate", "two", "words"),
        command("more than one prompt", "generate", "-p", "a", "b"),
        command("--system", "generate", "--raw", "--system", "a", "b"),
        command("--ids", "logits", "--out", "x.safetensors"),
        command("--out", "logits", "--ids", "1"),
        command("-r 0", "bench", "-r", "0"),
        command("nothing to measure", "bench", "-p", "0", "-n", "0"),
        command("limit is 8192", "bench", "-d", "8192"),
        command("--output xml", "bench", "-o", "xml"),
        command("unknown option '--json'", "doctor", "--json"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badUsage")
  void isRefused(String words, String[] args) {
    Cli.onThisJava().run(args).failsWith(USAGE, words);
  }

  @Test
  void emptyPromptIsBadInput() {
    Cli cli = Cli.onThisJava();
    cli.run("generate", "").failsWith(BAD_INPUT, "empty");
    cli.run("generate").failsWith(BAD_INPUT, "empty");
    cli.run("generate", "-f", temp.resolve("no").toString()).failsWith(BAD_INPUT, "no such file");
    cli.run("generate", "-f", temp.toString()).failsWith(BAD_INPUT, "a folder");
  }

  @Test
  void promptThatFillsTheContextIsBadInput() {
    Cli cli = Cli.onThisJava();
    String text = "Once upon a time there was a fox";
    String ids = cli.run("tokenize", "--bos", text).succeeds().out().strip();
    String count = Integer.toString(ids.split(",", -1).length);
    String[] generate = {"generate", "--raw", "--quiet", "-c", count, text};
    cli.run(generate).failsWith(BAD_INPUT, count);
    String oneMore = Integer.toString(ids.split(",", -1).length + 1);
    generate[4] = oneMore;
    Cli.Outcome fits = cli.run(generate).succeeds();
    assertThat(fits.err()).isEmpty();
    assertThat(fits.out()).isNotBlank();
  }

  @Test
  void unknownIdsAreBadInput() {
    Path out = temp.resolve("out.safetensors");
    Cli cli = Cli.onThisJava();
    cli.run("logits", "--ids", "1,4096", "--out", out.toString()).failsWith(BAD_INPUT, "4096");
    cli.run("logits", "--ids", "1,x", "--out", out.toString()).failsWith(BAD_INPUT, "'x'");
    cli.run("tokenize", "--decode", "1,9999").failsWith(BAD_INPUT, "9999");
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void logitsLeaveNothingBehindWhenTheModelIsBad() throws IOException {
    ModelFolder model = ModelFolder.withoutWeights(temp.resolve("model"));
    Path folder = Files.createDirectory(temp.resolve("out"));
    String out = folder.resolve("x.safetensors").toString();
    Cli.onThisJava()
        .run("logits", "-m", model.toString(), "--ids", "1,2", "--out", out)
        .failsWith(3, "model.safetensors");
    assertThat(folder).isEmptyDirectory();
    Cli.onThisJava()
        .run("logits", "--ids", "1", "--out", folder.resolve("no/x").toString())
        .failsWith(BAD_INPUT, "no such folder");
  }

  @Test
  void cudaSaysWhyItCannot() {
    Cli.onThisJava()
        .run("generate", "--device", "cuda:0", "x")
        .failsWith(DEVICE_CANNOT, "NVIDIA driver");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "generate",
        "chat",
        "pull",
        "inspect",
        "doctor",
        "tokenize",
        "template",
        "logits",
        "perplexity",
        "kv-sweep",
        "needle",
        "eval",
        "bench"
      })
  void helpGoesToStdout(String command) {
    Cli.Outcome help = Cli.onThisJava().run(command, "--help").succeeds();
    assertThat(help.out()).startsWith("Usage: java -jar vquant-engine.jar " + command);
    assertThat(help.err()).isEmpty();
  }

  @Test
  void fullDiskIsAFailure() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                "sh",
                "-c",
                "\"$0\" -jar \"$1\" inspect > /dev/full",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                System.getProperty("vquant.test.jar"))
            .start();
    process.getOutputStream().close();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isEqualTo(BAD_INPUT);
    assertThat(err.lines()).hasSize(1);
    assertThat(err).startsWith("vquant: stdout cannot be written");
  }
}
