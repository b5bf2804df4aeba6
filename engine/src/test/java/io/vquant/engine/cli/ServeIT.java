package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** {@code serve} as a process: its first line, an answer, its end. */
class ServeIT {

  @Test
  void servesWhatGenerateSaysAndEndsWithASignal() throws Exception {
    String prompt = "Tell me a story about a brave fox.";
    String generated =
        Cli.computing().run("generate", prompt, "--temp", "0", "-n", "30").succeeds().out();
    Process process = Cli.computing().start("serve", "--port", "0", "--slots", "2");
    try (BufferedReader out =
            new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        HttpClient client = HttpClient.newHttpClient()) {
      String url = out.readLine();
      assertThat(url).startsWith("http://127.0.0.1:");
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(url + "/v1/chat/completions"))
              .POST(
                  HttpRequest.BodyPublishers.ofString(
                      "{\"temperature\": 0, \"max_tokens\": 30, \"messages\": [{\"role\": \"user\","
                          + " \"content\": \""
                          + prompt
                          + "\"}]}"))
              .build();
      HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(
              JsonMapper.shared()
                  .readTree(answer.body())
                  .at("/choices/0/message/content")
                  .stringValue()
                  .strip())
          .isEqualTo(generated.strip());
      process.destroy();
      assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isEqualTo(130);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void badOptionsAreRefusedBeforeAnythingIsLoaded() {
    Cli cli = Cli.onThisJava();
    cli.run("serve", "--port", "70000").failsWith(2, "--port 70000");
    cli.run("serve", "--slots", "0").failsWith(2, "--slots 0");
    cli.run("serve", "--queue", "-1").failsWith(2, "--queue -1");
  }
}
