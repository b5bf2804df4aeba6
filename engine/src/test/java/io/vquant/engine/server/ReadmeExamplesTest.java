package io.vquant.engine.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** What README.md says to type is run, and its Java is that of a test. */
class ReadmeExamplesTest {
  private static final Pattern CURL = Pattern.compile("(?m)^curl (?:.|\\n(?! *\\n))*?'$");

  private static String readme() throws IOException {
    return Files.readString(Path.of("README.md"));
  }

  private static List<String> curlCommands() throws IOException {
    String readme = readme();
    int start = readme.indexOf("```sh", readme.indexOf("## serve"));
    Matcher matcher = CURL.matcher(readme.substring(start, readme.indexOf("```\n", start + 5)));
    List<String> commands = new ArrayList<>();
    while (matcher.find()) {
      commands.add(matcher.group());
    }
    return commands;
  }

  private static String run(String command) throws Exception {
    Process process = new ProcessBuilder("bash", "-c", command).redirectErrorStream(true).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as("%s%n%s", command, out).isZero();
    return out;
  }

  @Test
  void eachCurlCommandIsAnswered() throws Exception {
    assumeTrue(
        new ProcessBuilder("bash", "-c", "command -v curl").start().waitFor() == 0, "no curl");
    List<String> answers = new ArrayList<>();
    try (ServerFixture fixture = new ServerFixture(4, 4, null)) {
      for (String command : curlCommands()) {
        answers.add(
            run(
                command
                    .replace("curl ", "curl -sS --fail-with-body ")
                    .replace("http://127.0.0.1:8080", fixture.uri("").toString())));
      }
    }
    assertThat(answers).hasSize(4);
    assertThat(ServerFixture.json(answers.get(0)).at("/usage/completion_tokens").intValue())
        .isBetween(1, 60);
    assertThat(answers.get(1)).startsWith("data: {").endsWith("data: [DONE]\n\n");
    assertThat(answers.get(1)).contains("\"completion_tokens\"");
    JsonNode scores = ServerFixture.json(answers.get(2)).at("/choices/0/logprobs/token_logprobs");
    assertThat(scores.size()).isGreaterThan(3);
    String fox = ServerFixture.json(answers.get(3)).at("/choices/0/message/content").stringValue();
    assertThat(ServerFixture.json(fox).propertyNames()).containsExactly("name", "age");
  }

  @Test
  void theJavaExampleIsTheTested() throws Exception {
    String source =
        Files.readString(Path.of("src/test/java/io/vquant/engine/server/OpenAiClientTest.java"));
    int start = source.indexOf('\n', source.indexOf("@start region=\"example\""));
    String region = source.substring(start, source.indexOf("// @end", start));
    assertThat(readme()).contains("```java\n" + region.stripIndent().strip() + "\n```");
  }
}
