package io.vquant.engine.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.engine.GenerationRequest;
import io.vquant.engine.GenerationSession;
import io.vquant.tokenizer.Tokenizer;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The requests of lm-evaluation-harness' {@code local-completions} model, field by field, and what
 * it reads of the answers: for a log-likelihood the log-probabilities from the continuation's first
 * token to the last but one (the last is the one generated), and whether each is the highest of its
 * {@code top_logprobs}.
 */
class HarnessClientTest {
  private static final List<String> CONTEXTS =
      List.of("Once upon a time there was a", "The fox", "A big bear lived in the forest. He");
  private static final List<String> CONTINUATIONS =
      List.of(" fox who liked the", " ran", " was very Zürich ✓ quux");
  private static ServerFixture fixture;

  @BeforeAll
  static void start() {
    fixture = new ServerFixture(4, 64, null);
  }

  @AfterAll
  static void stop() {
    if (fixture != null) {
      fixture.close();
    }
  }

  private static List<int[]> prompts() {
    Tokenizer tokenizer = fixture.engine.tokenizer();
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < CONTEXTS.size(); i++) {
      prompts.add(tokenizer.encodeRaw(CONTEXTS.get(i) + CONTINUATIONS.get(i)));
    }
    return prompts;
  }

  /** Its client sends a key always, an empty one where none is set. */
  private static JsonNode send(Map<String, Object> payload) throws Exception {
    HttpRequest request =
        fixture
            .request("/v1/completions")
            .header("Authorization", "Bearer ")
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    JsonMapper.shared().writeValueAsString(payload)))
            .build();
    HttpResponse<String> response =
        fixture.client.send(request, HttpResponse.BodyHandlers.ofString());
    return ServerFixture.ok(response);
  }

  private static Map<String, Object> scoring(Object prompt, int maxTokens) {
    return Map.of(
        "model",
        ServerFixture.MODEL,
        "prompt",
        prompt,
        "temperature",
        0,
        "max_tokens",
        maxTokens,
        "logprobs",
        1,
        "seed",
        1234,
        "echo",
        true);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void aBatchOfPromptsIsScoredTokenByToken(int maxTokens) throws Exception {
    List<int[]> prompts = prompts();
    JsonNode answer = send(scoring(prompts, maxTokens));
    assertThat(answer.get("choices").size()).isEqualTo(prompts.size());
    for (int i = 0; i < prompts.size(); i++) {
      JsonNode choice = answer.get("choices").get(i);
      assertThat(choice.get("index").intValue()).isEqualTo(i);
      check(prompts.get(i), maxTokens, choice);
    }
    assertThat(answer.at("/usage/completion_tokens").intValue())
        .isEqualTo(maxTokens * prompts.size());
  }

  private static void check(int[] ids, int maxTokens, JsonNode choice) {
    JsonNode logprobs = choice.get("logprobs");
    for (String list : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
      assertThat(logprobs.get(list).size()).as(list).isEqualTo(ids.length + maxTokens);
    }
    assertThat(logprobs.get("token_logprobs").get(0).isNull()).isTrue();
    assertThat(logprobs.get("top_logprobs").get(0).isNull()).isTrue();
    double[] losses = fixture.engine.newTokenScorer().negativeLogLikelihoods(ids, 1);
    int offset = 0;
    for (int i = 0; i < ids.length; i++) {
      String token = logprobs.get("tokens").get(i).stringValue();
      assertThat(token).isEqualTo(fixture.engine.tokenizer().decode(new int[] {ids[i]}, false));
      assertThat(logprobs.get("text_offset").get(i).intValue()).isEqualTo(offset);
      offset += token.length();
      if (i > 0) {
        double logprob = logprobs.get("token_logprobs").get(i).doubleValue();
        assertThat(logprob).as("token %d", i).isCloseTo(-losses[i - 1], Offset.offset(2e-3));
        assertThat(highest(logprobs.get("top_logprobs").get(i))).isGreaterThanOrEqualTo(logprob);
      }
    }
    assertThat(choice.get("text").stringValue())
        .startsWith(fixture.engine.tokenizer().decode(ids, true));
  }

  private static double highest(JsonNode top) {
    double highest = Double.NEGATIVE_INFINITY;
    for (JsonNode value : top) {
      highest = Math.max(highest, value.doubleValue());
    }
    return highest;
  }

  /** A continuation that the model itself would choose is told as greedy, another one is not. */
  @Test
  void greedyContinuationsAreToldFromOthers() throws Exception {
    int[] context = fixture.engine.tokenizer().encodeRaw(CONTEXTS.getFirst());
    int[] chosen;
    try (GenerationSession session = fixture.engine.newSession()) {
      chosen =
          session
              .generate(GenerationRequest.builder(context).maxTokens(6).ignoreEos(true).build())
              .tokenIds();
    }
    assertThat(isGreedy(context, chosen)).isTrue();
    int[] other = chosen.clone();
    other[2] = other[2] == 100 ? 101 : 100;
    assertThat(isGreedy(context, other)).isFalse();
  }

  private static boolean isGreedy(int[] context, int[] continuation) throws Exception {
    int[] ids = Arrays.copyOf(context, context.length + continuation.length);
    System.arraycopy(continuation, 0, ids, context.length, continuation.length);
    JsonNode logprobs = send(scoring(List.of(ids), 1)).at("/choices/0/logprobs");
    for (int i = context.length; i < logprobs.get("token_logprobs").size() - 1; i++) {
      double logprob = logprobs.get("token_logprobs").get(i).doubleValue();
      if (logprob != highest(logprobs.get("top_logprobs").get(i))) {
        return false;
      }
    }
    return true;
  }

  /** The token after the prompt counts as one also where it ends the text. */
  @Test
  void aPromptThatEndsATextStillHasATokenAfterIt() throws Exception {
    int eos = fixture.engine.generationDefaults().eosTokenIds().getFirst();
    int[] story =
        fixture
            .engine
            .tokenizer()
            .encode("<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n");
    int[] answer;
    try (GenerationSession session = fixture.engine.newSession()) {
      answer = session.generate(GenerationRequest.builder(story).maxTokens(400).build()).tokenIds();
    }
    assertThat(answer[answer.length - 1]).isEqualTo(eos);
    int[] ids = Arrays.copyOf(story, story.length + answer.length - 1);
    System.arraycopy(answer, 0, ids, story.length, answer.length - 1);
    JsonNode logprobs = send(scoring(List.of(ids), 1)).at("/choices/0/logprobs");
    assertThat(logprobs.get("token_logprobs").size()).isEqualTo(ids.length + 1);
  }

  @Test
  void aTextInPlaceOfTokensIsScoredAlike() throws Exception {
    String text = CONTEXTS.getFirst() + CONTINUATIONS.getFirst();
    JsonNode one = send(scoring(text, 1)).at("/choices/0/logprobs/token_logprobs");
    JsonNode ids = send(scoring(List.of(prompts().getFirst()), 1));
    assertThat(one).isEqualTo(ids.at("/choices/0/logprobs/token_logprobs"));
  }

  /** {@code generate_until}: the answers of a batch in the order of their prompts. */
  @Test
  void aBatchIsContinuedUntilAText() throws Exception {
    List<int[]> prompts = prompts();
    Map<String, Object> payload =
        Map.of(
            "prompt",
            prompts,
            "model",
            ServerFixture.MODEL,
            "max_tokens",
            20,
            "temperature",
            0,
            "stop",
            List.of(".", "<|im_end|>"),
            "seed",
            1234);
    JsonNode answer = send(payload);
    for (int i = 0; i < prompts.size(); i++) {
      try (GenerationSession session = fixture.engine.newSession()) {
        String expected =
            session
                .generate(
                    GenerationRequest.builder(prompts.get(i))
                        .maxTokens(20)
                        .stopStrings(List.of(".", "<|im_end|>"))
                        .build())
                .text();
        assertThat(answer.at("/choices/" + i + "/index").intValue()).isEqualTo(i);
        assertThat(answer.at("/choices/" + i + "/text").stringValue()).isEqualTo(expected);
      }
    }
    Map<String, Object> noStops =
        Map.of("prompt", prompts, "max_tokens", 2, "temperature", 0, "stop", List.of());
    assertThat(send(noStops).get("choices").size()).isEqualTo(prompts.size());
  }
}
