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

/** {@code eval} through the jar, with the bundled model. */
final class EvalIT {
  private static final String PROBLEMS =
      """
      {"question": "What is 3 plus 4?", "answer": "3 plus 4 is 7.\\n#### 7"}
      {"question": "What is 1 plus 1?", "answer": "1 plus 1 is 2.\\n#### 2"}
      """;
  private static final String QUESTIONS =
      """
      {"question": "What is the opposite of hot?", "choices": ["cold", "zebra"], "answer": 0}
      """;
  @TempDir private Path temp;

  private String file(String name, String text) throws IOException {
    return Files.writeString(temp.resolve(name), text).toString();
  }

  private static Cli.Outcome run(String... args) {
    List<String> all = new ArrayList<>(List.of("eval", "-t", "1", "-c", "512"));
    all.addAll(List.of(args));
    return Cli.computing().run(all.toArray(new String[0]));
  }

  @Test
  void resultsComeAsTableFileAndSamples() throws IOException {
    String gsm8k = file("problems.jsonl", PROBLEMS);
    String choices = file("choices.jsonl", QUESTIONS);
    Path results = temp.resolve("results.json");
    Path samples = temp.resolve("samples.jsonl");
    Cli.Outcome outcome =
        run(
                "--tasks",
                "gsm8k,multiple_choice",
                "--data",
                "gsm8k=" + gsm8k,
                "--data",
                choices,
                "--num-fewshot",
                "0",
                "--limit",
                "1",
                "-o",
                results.toString(),
                "--samples",
                samples.toString())
            .succeeds();
    assertThat(outcome.out())
        .contains("| Tasks ", "| gsm8k ", "| strict-match ", "| exact_match ", " N/A |");
    JsonNode json = JsonMapper.shared().readTree(results.toFile());
    assertThat(json.propertyNames())
        .contains("results", "configs", "versions", "n-shot", "higher_is_better", "n-samples");
    JsonNode gsm = json.get("results").get("gsm8k");
    assertThat(gsm.get("exact_match,flexible-extract").isNumber()).isTrue();
    assertThat(gsm.get("exact_match_stderr,strict-match").asString()).isEqualTo("N/A");
    assertThat(json.get("results").get("multiple_choice").get("acc,none").asDouble()).isEqualTo(1);
    assertThat(json.get("n-samples").get("gsm8k").get("original").asInt()).isEqualTo(2);
    assertThat(json.get("n-samples").get("gsm8k").get("effective").asInt()).isEqualTo(1);
    assertThat(json.get("partial").asBoolean()).isFalse();
    assertThat(Files.readAllLines(samples)).hasSize(2).allSatisfy(JsonMapper.shared()::readTree);
  }

  @Test
  void jsonOnStdoutIsTheResultsFile() throws IOException {
    String text = file("text.txt", "The fox wanted to learn to swim. ".repeat(16) + "\n");
    JsonNode json =
        JsonMapper.shared()
            .readTree(
                run("--tasks", "lastword,rolling", "--data", text, "--json").succeeds().out());
    assertThat(json.get("results").get("lastword").get("perplexity,none").asDouble())
        .isBetween(1.0, 1000.0);
    assertThat(json.get("n-samples").get("lastword").get("effective").asInt()).isEqualTo(2);
    assertThat(json.get("results").get("rolling").get("bits_per_byte,none").asDouble())
        .isBetween(0.001, 3.0);
    assertThat(json.get("config").get("limit").isNull()).isTrue();
  }

  @Test
  void whatCannotBeAskedIsNamedInALine() throws IOException {
    String good = file("good.jsonl", PROBLEMS);
    String bare = file("bare.jsonl", "{\"question\": \"q\"}\n");
    String empty = file("empty.jsonl", "");
    Path binary = Files.write(temp.resolve("binary"), new byte[] {'a', (byte) 0xff});
    run("--tasks", "gsm8", "--data", good).failsWith(2, "unknown task 'gsm8'", "mean 'gsm8k'");
    run("--tasks", "gsm8k").failsWith(2, "task 'gsm8k' has no data");
    run("--tasks", "gsm8k,gsm8k", "--data", good).failsWith(2, "'gsm8k' comes twice");
    run("--tasks", "gsm8k", "--data", "lastword=x").failsWith(2, "'lastword' is not asked");
    run("--tasks", "gsm8k", "--data", good, "--limit", "0").failsWith(2, "--limit 0");
    run("--tasks", "lastword", "--data", good, "--num-fewshot", "2").failsWith(2, "no examples");
    run("--tasks", "gsm8k", "--data", good, "-o", "/no/such/file").failsWith(4, "no such folder");
    run("--tasks", "gsm8k", "--data", bare).failsWith(4, "bare.jsonl line 1: no field 'answer'");
    run("--tasks", "gsm8k", "--data", empty).failsWith(4, "empty.jsonl: empty");
    run("--tasks", "gsm8k", "--data", binary.toString()).failsWith(4, "not UTF-8");
    run("--tasks", "gsm8k", "--data", good).failsWith(4, "2 documents, expected more than the 5");
    run("--tasks", "gsm8k", "--data", temp.resolve("none").toString()).failsWith(4, "no such file");
  }
}
