package io.vquant.engine.server;

import static io.vquant.engine.server.ServerFixture.json;
import static io.vquant.engine.server.ServerFixture.messages;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Bodies that are no requests get an error object that names what is wrong, and do no harm. */
class MalformedRequestTest {
  private static final String CHAT = "/v1/chat/completions";
  private static ServerFixture fixture;

  @BeforeAll
  static void start() {
    fixture = new ServerFixture(2, 2, null);
  }

  @AfterAll
  static void stop() {
    if (fixture != null) {
      assertThat(fixture.server.counters().requests()).as("requests let through").isZero();
      fixture.close();
    }
  }

  private static void refused(String path, byte[] body, int status, String named) throws Exception {
    HttpResponse<String> response = fixture.post(path, body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    JsonNode error = json(response.body()).get("error");
    assertThat(error.get("message").stringValue()).contains(named).doesNotContain("\n");
    assertThat(error.get("type").stringValue()).isEqualTo("invalid_request_error");
    assertThat(error.has("param")).isTrue();
    assertThat(error.has("code")).isTrue();
  }

  private static void refused(String path, String body, String named) throws Exception {
    refused(path, body.getBytes(StandardCharsets.UTF_8), 400, named);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          "temperature": "hot"                        | temperature
          "temperature": -1                           | temperature
          "temperature": 1e999                        | temperature
          "top_p": 0                                  | top_p
          "top_k": 1.5                                | top_k
          "min_p": 2                                  | min_p
          "presence_penalty": 3                       | presence_penalty
          "max_tokens": 0                             | max_tokens
          "max_tokens": -1                            | max_tokens
          "max_tokens": 99999999999999999999          | max_tokens
          "max_tokens": 5, "max_completion_tokens": 6 | max_tokens
          "n": 0                                      | n
          "n": 1000                                   | n
          "seed": "7"                                 | seed
          "stream": "yes"                             | stream
          "stream_options": {"include_usage": true}   | stream_options
          "stop": 7                                   | stop
          "stop": [""]                                | stop
          "logit_bias": []                            | logit_bias
          "logit_bias": {"no": 1}                     | logit_bias.no
          "logit_bias": {"99999999": 1}               | logit_bias.99999999
          "logit_bias": {"5": 101}                    | logit_bias.5
          "logprobs": 1                               | logprobs
          "top_logprobs": 2                           | top_logprobs
          "logprobs": true, "top_logprobs": 21        | top_logprobs
          "response_format": {"type": "xml"}          | response_format.type
          "response_format": "json"                   | response_format
          "tools": {}                                 | tools
          "tools": [{"type": "retrieval"}]            | tools[0].type
          "tool_choice": "required"                   | tool_choice
          "audio": {"voice": "x"}                     | audio
          "max_token": 5                              | max_token
          "store": true                               | store
          "chat_template_kwargs": {"messages": []}    | chat_template_kwargs.messages
          """)
  void fieldsOfTheWrongKindAreNamed(String field, String named) throws Exception {
    refused(CHAT, "{" + field + ", " + messages("Hi") + "}", named);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {}                                                                  | messages
          {"messages": []}                                                    | messages
          {"messages": {}}                                                    | messages
          {"messages": ["Hi"]}                                                | messages[0]
          {"messages": [{"content": "Hi"}]}                                   | messages[0].role
          {"messages": [{"role": "robot", "content": "Hi"}]}                  | messages[0].role
          {"messages": [{"role": "user"}]}                                    | messages[0].content
          {"messages": [{"role": "user", "content": 7}]}                      | messages[0].content
          {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}| messages[0].content[0].type
          {"messages": [{"role": "user", "content": "Hi", "mood": 1}]}        | messages[0].mood
          {"messages": [], "messages": []}                                    | messages
          []                                                                  | body
          "text"                                                              | body
          {"messages": [}                                                     | messages
          {"messages": 1} {}                                                  | body
          {"messages"                                                         | messages
          """)
  void messagesOfTheWrongKindAreNamed(String body, String named) throws Exception {
    refused(CHAT, body, named);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {}                                        | prompt
          {"prompt": []}                            | prompt
          {"prompt": 5}                             | prompt
          {"prompt": [1, "a"]}                      | prompt[1]
          {"prompt": [[1, 2.5]]}                    | prompt[0][1]
          {"prompt": [99999]}                       | prompt
          {"prompt": [-1]}                          | prompt
          {"prompt": "a", "suffix": "b"}            | suffix
          {"prompt": "a", "best_of": 3}             | best_of
          {"prompt": "a", "logprobs": true}         | logprobs
          {"prompt": "a", "max_tokens": 0}          | max_tokens
          {"prompt": "a", "prompt": "b"}            | prompt
          """)
  void promptsOfTheWrongKindAreNamed(String body, String named) throws Exception {
    refused("/v1/completions", body, named);
  }

  @Test
  void aPromptLongerThanTheContextIsRefusedWithBothNumbers() throws Exception {
    String words = "fox ".repeat(3000);
    refused(CHAT, "{" + messages(words) + "}", "messages");
    refused(CHAT, "{" + messages(words) + "}", "1024");
  }

  @Test
  void bytesThatAreNoTextAreRefused() throws Exception {
    byte[] body = ("{" + messages("Hi?") + "}").getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < body.length; i++) {
      if (body[i] == '?') {
        body[i] = (byte) 0xC3;
        refused(CHAT, body, 400, "byte " + i);
      }
    }
    refused(CHAT, new byte[0], 400, "body");
  }

  @Test
  void depthIsBounded() throws Exception {
    String deep = "[".repeat(100_000);
    refused(CHAT, "{\"messages\": " + deep, "messages");
    refused(CHAT, "{\"tools\": " + "{\"a\": ".repeat(10_000) + "1", "tools");
  }

  @Test
  void sizeIsBounded() throws Exception {
    HttpRequest.BodyPublisher endless =
        HttpRequest.BodyPublishers.ofInputStream(() -> new Blanks(100 << 20));
    for (HttpRequest.BodyPublisher publisher :
        new HttpRequest.BodyPublisher[] {
          endless, HttpRequest.BodyPublishers.fromPublisher(endless, 100 << 20)
        }) {
      HttpResponse<String> response =
          fixture.client.send(
              fixture.request(CHAT).POST(publisher).build(), HttpResponse.BodyHandlers.ofString());
      assertThat(response.statusCode()).isEqualTo(413);
      assertThat(json(response.body()).at("/error/message").stringValue()).contains("body");
    }
  }

  /** So many spaces. */
  private static final class Blanks extends InputStream {
    private int left;

    Blanks(int count) {
      left = count;
    }

    @Override
    public int read() {
      return left-- > 0 ? ' ' : -1;
    }

    @Override
    public int read(byte[] to, int offset, int length) {
      if (left <= 0) {
        return -1;
      }
      int count = Math.min(left, length);
      Arrays.fill(to, offset, offset + count, (byte) ' ');
      left -= count;
      return count;
    }
  }

  @Test
  void mutationsOfARequestNeverBreakTheServer() throws Exception {
    long seed = 41;
    Random random = new Random(seed);
    byte[] valid =
        ("{\"stop\": [\"a\", \"b\"], \"logit_bias\": {\"17\": -5}, \"n\": 1, \"audio\": 1, "
                + messages("Hi")
                + "}")
            .getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 300; i++) { // "audio" keeps the valid ones from running
      byte[] body = valid.clone();
      for (int k = random.nextInt(4); k >= 0; k--) {
        body[random.nextInt(body.length)] = (byte) random.nextInt(256);
      }
      HttpResponse<String> response = fixture.post(CHAT, body);
      assertThat(response.statusCode())
          .as("seed %d, mutation %d: %s", seed, i, new String(body, StandardCharsets.ISO_8859_1))
          .isEqualTo(400);
      assertThat(json(response.body()).at("/error/message").stringValue()).isNotBlank();
    }
    assertThat(fixture.get("/health").statusCode()).isEqualTo(200);
  }
}
