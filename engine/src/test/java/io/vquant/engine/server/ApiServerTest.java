package io.vquant.engine.server;

import static io.vquant.engine.server.ServerFixture.json;
import static io.vquant.engine.server.ServerFixture.messages;
import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.engine.GenerationRequest;
import io.vquant.engine.GenerationResult;
import io.vquant.engine.GenerationSession;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.ChatTokenizer;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Each endpoint, by the rules of OpenAI's API. */
class ApiServerTest {
  private static final String STORY = "Tell me a story about a brave fox.";
  private static final String GREEDY = "\"temperature\": 0, \"max_tokens\": 40, ";
  private static ServerFixture fixture;

  @BeforeAll
  static void start() {
    fixture = new ServerFixture(8, 16, null);
  }

  @AfterAll
  static void stop() {
    if (fixture != null) {
      fixture.close();
    }
  }

  private static GenerationResult alone(String text, int maxTokens) {
    ChatTokenizer chat =
        ChatTokenizer.of(
            fixture.engine.tokenizer(),
            Path.of(System.getProperty("vquant.test.shared"), "models", "vquant-tiny"));
    int[] prompt = chat.encode(chat.render(ChatRequest.of(List.of(ChatMessage.user(text)))));
    try (GenerationSession session = fixture.engine.newSession()) {
      return session.generate(GenerationRequest.builder(prompt).maxTokens(maxTokens).build());
    }
  }

  private static String content(JsonNode answer) {
    return answer.at("/choices/0/message/content").stringValue();
  }

  @Test
  void aChatGivesWhatASessionGives() throws Exception {
    GenerationResult expected = alone(STORY, 40);
    JsonNode answer = fixture.chat(GREEDY + "\"model\": \"vquant-tiny\", " + messages(STORY));
    assertThat(content(answer)).isEqualTo(expected.text());
    assertThat(answer.get("object").stringValue()).isEqualTo("chat.completion");
    assertThat(answer.get("model").stringValue()).isEqualTo("vquant-tiny");
    assertThat(answer.get("id").stringValue()).startsWith("chatcmpl-");
    assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
    assertThat(answer.at("/choices/0/message/role").stringValue()).isEqualTo("assistant");
    assertThat(answer.at("/usage/completion_tokens").intValue()).isEqualTo(40);
    assertThat(answer.at("/usage/total_tokens").intValue())
        .isEqualTo(40 + answer.at("/usage/prompt_tokens").intValue());
  }

  @Test
  void aStreamIsTheSameAnswerInPieces() throws Exception {
    List<JsonNode> events =
        fixture.stream(
            "/v1/chat/completions",
            GREEDY + "\"stream_options\": {\"include_usage\": true}, " + messages(STORY));
    StringBuilder text = new StringBuilder();
    for (JsonNode event : events) {
      assertThat(event.get("object").stringValue()).isEqualTo("chat.completion.chunk");
      text.append(event.at("/choices/0/delta/content").asString(""));
    }
    assertThat(text).hasToString(alone(STORY, 40).text());
    assertThat(events.getFirst().at("/choices/0/delta/role").stringValue()).isEqualTo("assistant");
    assertThat(events.get(events.size() - 2).at("/choices/0/finish_reason").stringValue())
        .isEqualTo("length");
    assertThat(events.getLast().get("choices").size()).isZero();
    assertThat(events.getLast().at("/usage/completion_tokens").intValue()).isEqualTo(40);
    assertThat(events.size()).isGreaterThan(20);
  }

  @Test
  void partsOfTextDeveloperAndNullFieldsAreUnderstood() throws Exception {
    String parts =
        "\"messages\": [{\"role\": \"developer\", \"content\": \"Be brief.\"}, {\"role\": \"user\","
            + " \"content\": [{\"type\": \"text\", \"text\": \"Count \"}, {\"type\": \"text\","
            + " \"text\": \"to 12.\"}]}]";
    String plain =
        "\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": \"user\","
            + " \"content\": \"Count to 12.\"}]";
    String nothing = "\"stop\": null, \"tools\": null, \"logit_bias\": null, \"user\": \"me\", ";
    assertThat(content(fixture.chat(GREEDY + nothing + parts)))
        .isEqualTo(content(fixture.chat(GREEDY + plain)));
  }

  @Test
  void stopTextsEndAnAnswerBeforeThem() throws Exception {
    String whole = content(fixture.chat(GREEDY + messages(STORY)));
    String stop = whole.substring(20, 27);
    JsonNode cut =
        fixture.chat(GREEDY + "\"stop\": [" + ServerFixture.quoted(stop) + "], " + messages(STORY));
    assertThat(content(cut)).isEqualTo(whole.substring(0, whole.indexOf(stop)));
    assertThat(cut.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
  }

  @Test
  void aSeedMeansOneAnswerAndChoicesDiffer() throws Exception {
    String fields =
        "\"temperature\": 1.2, \"seed\": 7, \"max_tokens\": 30, \"n\": 3, \"top_p\": 0.99,"
            + " \"top_k\": 500, \"min_p\": 0.001, \"presence_penalty\": 0.1,"
            + " \"frequency_penalty\": 0.1, \"repetition_penalty\": 1.05, ";
    JsonNode first = fixture.chat(fields + messages(STORY));
    JsonNode again = fixture.chat(fields + messages(STORY));
    assertThat(again.get("choices")).isEqualTo(first.get("choices"));
    assertThat(first.get("choices").size()).isEqualTo(3);
    assertThat(first.at("/choices/0/message")).isNotEqualTo(first.at("/choices/1/message"));
    assertThat(first.at("/usage/completion_tokens").intValue()).isBetween(3, 90);
    int prompt = first.at("/usage/prompt_tokens").intValue();
    assertThat(prompt).isLessThan(30); // once, not for each choice
    List<JsonNode> events = fixture.stream("/v1/chat/completions", fields + messages(STORY));
    List<StringBuilder> texts =
        List.of(new StringBuilder(), new StringBuilder(), new StringBuilder());
    for (JsonNode event : events) {
      JsonNode choice = event.at("/choices/0");
      texts.get(choice.get("index").intValue()).append(choice.at("/delta/content").asString(""));
    }
    for (int i = 0; i < 3; i++) {
      assertThat(texts.get(i))
          .hasToString(first.at("/choices/" + i + "/message/content").stringValue());
    }
  }

  @Test
  void logprobsAndBiases() throws Exception {
    String fields =
        "\"temperature\": 0, \"max_tokens\": 5, \"logprobs\": true, \"top_logprobs\": 2, ";
    JsonNode answer = fixture.chat(fields + messages(STORY));
    JsonNode tokens = answer.at("/choices/0/logprobs/content");
    assertThat(tokens.size()).isEqualTo(5);
    StringBuilder text = new StringBuilder();
    for (JsonNode token : tokens) {
      text.append(token.get("token").stringValue());
      assertThat(token.get("logprob").doubleValue()).isBetween(-20.0, 0.0);
      assertThat(token.get("top_logprobs").size()).isEqualTo(2);
      assertThat(token.at("/top_logprobs/0/token")).isEqualTo(token.get("token"));
      assertThat(token.get("bytes").size()).isPositive();
    }
    assertThat(text).hasToString(content(answer));
    String first = tokens.get(0).get("token").stringValue();
    int id = fixture.engine.tokenizer().encode(first)[0];
    JsonNode other =
        fixture.chat(fields + "\"logit_bias\": {\"" + id + "\": -100}, " + messages(STORY));
    assertThat(other.at("/choices/0/logprobs/content/0/token").stringValue()).isNotEqualTo(first);
    List<JsonNode> events = fixture.stream("/v1/chat/completions", fields + messages(STORY));
    List<JsonNode> streamed = new ArrayList<>();
    for (JsonNode event : events) {
      event.at("/choices/0/logprobs/content").forEach(streamed::add);
    }
    assertThat(streamed).hasSize(5);
    assertThat(streamed.get(4)).isEqualTo(tokens.get(4));
  }

  @Test
  void completionsTakeTextAndIdsAndListsOfThem() throws Exception {
    String fields = "\"temperature\": 0, \"max_tokens\": 12, ";
    String text =
        fixture
            .complete(fields + "\"prompt\": \"Once upon a time\"")
            .at("/choices/0/text")
            .stringValue();
    int[] ids = fixture.engine.tokenizer().encodeRaw("Once upon a time");
    String list = Arrays.toString(ids);
    assertThat(fixture.complete(fields + "\"prompt\": " + list).at("/choices/0/text").stringValue())
        .isEqualTo(text);
    JsonNode both =
        fixture.complete(fields + "\"prompt\": [" + list + ", " + list + "], \"echo\": true");
    assertThat(both.get("choices").size()).isEqualTo(2);
    assertThat(both.at("/choices/1/text").stringValue()).isEqualTo("Once upon a time" + text);
    assertThat(both.at("/usage/prompt_tokens").intValue()).isEqualTo(2 * ids.length);
    List<JsonNode> events =
        fixture.stream("/v1/completions", fields + "\"prompt\": \"Once upon a time\"");
    StringBuilder streamed = new StringBuilder();
    events.forEach(event -> streamed.append(event.at("/choices/0/text").asString()));
    assertThat(streamed).hasToString(text);
  }

  /** What lm-evaluation-harness asks for and how it reads the answer. */
  @Test
  void echoWithLogprobsScoresAPrompt() throws Exception {
    int[] ids = fixture.engine.tokenizer().encodeRaw("Once upon a time there was a fox.");
    JsonNode answer =
        fixture.complete(
            "\"model\": \"vquant-tiny\", \"temperature\": 0, \"max_tokens\": 1, \"logprobs\": 1,"
                + " \"seed\": 1234, \"echo\": true, \"prompt\": ["
                + Arrays.toString(ids)
                + "]");
    JsonNode logprobs = answer.at("/choices/0/logprobs");
    assertThat(logprobs.get("token_logprobs").size()).isEqualTo(ids.length + 1);
    assertThat(logprobs.get("top_logprobs").size()).isEqualTo(ids.length + 1);
    assertThat(logprobs.get("tokens").size()).isEqualTo(ids.length + 1);
    assertThat(logprobs.get("text_offset").size()).isEqualTo(ids.length + 1);
    assertThat(logprobs.get("token_logprobs").get(0).isNull()).isTrue();
    double[] losses = fixture.engine.newTokenScorer().negativeLogLikelihoods(ids, 1);
    for (int i = 1; i < ids.length; i++) {
      assertThat(logprobs.get("token_logprobs").get(i).doubleValue())
          .isCloseTo(-losses[i - 1], Offset.offset(2e-3));
      double best = Double.NEGATIVE_INFINITY;
      for (JsonNode value : logprobs.get("top_logprobs").get(i)) {
        best = Math.max(best, value.doubleValue());
      }
      assertThat(best).isGreaterThanOrEqualTo(logprobs.get("token_logprobs").get(i).doubleValue());
    }
    JsonNode none =
        fixture.complete(
            "\"max_tokens\": 0, \"logprobs\": 0, \"echo\": true, \"prompt\": \"Once upon a time\"");
    assertThat(none.at("/choices/0/text").stringValue()).isEqualTo("Once upon a time");
    assertThat(none.at("/usage/completion_tokens").intValue()).isZero();
  }

  @Test
  void modelsHealthAndMetrics() throws Exception {
    JsonNode models = ServerFixture.ok(fixture.get("/v1/models"));
    assertThat(models.at("/data/0/id").stringValue()).isEqualTo("vquant-tiny");
    assertThat(ServerFixture.ok(fixture.get("/v1/models/vquant-tiny")).get("id").stringValue())
        .isEqualTo("vquant-tiny");
    assertThat(ServerFixture.ok(fixture.get("/health")).get("status").stringValue())
        .isEqualTo("ok");
    HttpResponse<String> metrics = fixture.get("/metrics");
    assertThat(metrics.headers().firstValue("Content-Type").orElse("")).startsWith("text/plain");
    assertThat(metrics.body())
        .contains("# TYPE vquant_requests_total counter\nvquant_requests_total ")
        .contains("vquant_kv_cache_bytes ");
  }

  @Test
  void thePageIsWholeAndFetchesNothingFromElsewhere() throws Exception {
    HttpResponse<String> page = fixture.get("/");
    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
        .contains("default-src 'self'");
    for (String file : List.of("/web/chat.css", "/web/chat.js", "/web/icon.svg")) {
      assertThat(page.body()).contains("\"" + file + "\"");
      assertThat(fixture.get(file).statusCode()).isEqualTo(200);
    }
    assertThat(page.body() + fixture.get("/web/chat.js").body()).doesNotContain("http:", "https:");
    assertThat(fixture.get("/web/../chat.js").statusCode()).isEqualTo(404);
  }

  @Test
  void aPictureOfAttention() throws Exception {
    HttpResponse<byte[]> picture =
        fixture.client.send(
            fixture
                .request("/attention")
                .POST(
                    HttpRequest.BodyPublishers.ofString(
                        "{\"layer\": 3, \"head\": 1, " + messages(STORY) + "}"))
                .build(),
            HttpResponse.BodyHandlers.ofByteArray());
    assertThat(picture.statusCode()).isEqualTo(200);
    assertThat(picture.body()).startsWith(0x89, 'P', 'N', 'G');
    HttpResponse<String> refused =
        fixture.post("/attention", "{\"layer\": 8, " + messages(STORY) + "}");
    assertThat(refused.statusCode()).isEqualTo(400);
    assertThat(json(refused.body()).at("/error/param").stringValue()).isEqualTo("layer");
  }

  @Test
  void whatIsNotThereIsSaidInOneShape() throws Exception {
    assertThat(fixture.get("/nowhere").statusCode()).isEqualTo(404);
    HttpResponse<String> get = fixture.get("/v1/chat/completions");
    assertThat(get.statusCode()).isEqualTo(405);
    assertThat(json(get.body()).at("/error/message").stringValue()).contains("GET");
    HttpResponse<String> other =
        fixture.post("/v1/chat/completions", "{\"model\": \"gpt-4\", " + messages("Hi") + "}");
    assertThat(other.statusCode()).isEqualTo(404);
    assertThat(json(other.body()).at("/error/code").stringValue()).isEqualTo("model_not_found");
    assertThat(json(other.body()).at("/error/message").stringValue()).contains("vquant-tiny");
  }

  @Test
  void anApiKeyIsAskedForAndOtherSitesAreRefused() throws Exception {
    try (ServerFixture locked = new ServerFixture(1, 1, "secret")) {
      assertThat(locked.get("/v1/models").statusCode()).isEqualTo(401);
      assertThat(locked.get("/health").statusCode()).isEqualTo(200);
      HttpRequest wrong =
          locked.request("/v1/models").header("Authorization", "Bearer secre").GET().build();
      HttpRequest right =
          locked.request("/v1/models").header("Authorization", "Bearer secret").GET().build();
      HttpResponse.BodyHandler<String> text = HttpResponse.BodyHandlers.ofString();
      assertThat(locked.client.send(wrong, text).statusCode()).isEqualTo(401);
      assertThat(locked.client.send(right, text).statusCode()).isEqualTo(200);
      HttpRequest elsewhere =
          locked
              .request("/v1/models")
              .header("Authorization", "Bearer secret")
              .header("Origin", "http://evil.example")
              .GET()
              .build();
      assertThat(locked.client.send(elsewhere, text).statusCode()).isEqualTo(403);
    }
  }
}
