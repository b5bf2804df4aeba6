package io.vquant.engine.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.UnauthorizedException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.ResponseFormatJsonSchema;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionFunctionTool;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.embeddings.EmbeddingCreateParams;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** OpenAI's own Java client against the server. */
class OpenAiClientTest {
  private static final String STORY = "Tell me a story about a brave fox.";
  private static ServerFixture fixture;
  private static OpenAIClient client;

  @BeforeAll
  static void start() {
    fixture = new ServerFixture(4, 16, "secret");
    client = clientOf(fixture, "secret");
  }

  @AfterAll
  static void stop() {
    if (fixture != null) {
      client.close();
      fixture.close();
    }
  }

  private static String url(ServerFixture server) {
    return server.uri("/v1").toString();
  }

  private static OpenAIClient clientOf(ServerFixture server, String key) {
    return OpenAIOkHttpClient.builder().baseUrl(url(server)).apiKey(key).maxRetries(0).build();
  }

  private static ChatCompletionCreateParams.Builder greedy(String question) {
    return ChatCompletionCreateParams.builder()
        .model(ServerFixture.MODEL)
        .temperature(0)
        .maxCompletionTokens(40)
        .addUserMessage(question);
  }

  private static String content(ChatCompletion answer) {
    return answer.choices().getFirst().message().content().orElseThrow();
  }

  private static ChatCompletion accumulated(OpenAIClient from, ChatCompletionCreateParams params) {
    ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
    try (StreamResponse<ChatCompletionChunk> chunks =
        from.chat().completions().createStreaming(params)) {
      chunks.stream().forEach(whole::accumulate);
    }
    return whole.chatCompletion();
  }

  /** What README.md shows; {@link ReadmeExamplesTest} holds the two against each other. */
  static void example(String url, String key, PrintStream out) {
    // @start region="example"
    OpenAIClient client = OpenAIOkHttpClient.builder().baseUrl(url).apiKey(key).build();
    ChatCompletionCreateParams question =
        ChatCompletionCreateParams.builder()
            .model("vquant-tiny")
            .addSystemMessage("Be brief.")
            .addUserMessage("Tell me a story about a fox.")
            .temperature(0)
            .maxCompletionTokens(60)
            .build();
    ChatCompletion answer = client.chat().completions().create(question);
    out.println(answer.choices().getFirst().message().content().orElseThrow());

    try (StreamResponse<ChatCompletionChunk> chunks =
        client.chat().completions().createStreaming(question)) {
      chunks.stream()
          .flatMap(chunk -> chunk.choices().stream())
          .flatMap(choice -> choice.delta().content().stream())
          .forEach(out::print);
    }
    client.close();
    // @end
  }

  @Test
  void theExampleTellsOneStoryTwice() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    example(url(fixture), "secret", new PrintStream(bytes, true, StandardCharsets.UTF_8));
    String printed = bytes.toString(StandardCharsets.UTF_8);
    String first = printed.substring(0, printed.indexOf('\n'));
    assertThat(first.split(" ")).hasSizeGreaterThan(20);
    assertThat(printed).isEqualTo(first + "\n" + first);
  }

  @Test
  void anAnswerAndItsStreamAreOne() throws Exception {
    ChatCompletion answer = client.chat().completions().create(greedy(STORY).build());
    answer.validate();
    assertThat(answer.model()).isEqualTo(ServerFixture.MODEL);
    assertThat(answer.choices().getFirst().finishReason().asString()).isEqualTo("length");
    assertThat(answer.usage().orElseThrow().completionTokens()).isEqualTo(40);
    assertThat(answer.usage().orElseThrow().totalTokens())
        .isEqualTo(40 + answer.usage().orElseThrow().promptTokens());

    List<ChatCompletionChunk> chunks = new ArrayList<>();
    ChatCompletionCreateParams params =
        greedy(STORY)
            .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
            .build();
    try (StreamResponse<ChatCompletionChunk> stream =
        client.chat().completions().createStreaming(params)) {
      stream.stream().forEach(chunks::add);
    }
    chunks.forEach(ChatCompletionChunk::validate);
    assertThat(chunks).hasSizeGreaterThan(20);
    assertThat(chunks.getLast().usage().orElseThrow().completionTokens()).isEqualTo(40);
    assertThat(content(accumulated(client, params))).isEqualTo(content(answer));
  }

  @Test
  void aStreamClosedEarlyEndsItsRequest() throws Exception {
    long before = fixture.idle().cancelled();
    ChatCompletionCreateParams endless =
        greedy(STORY)
            .maxCompletionTokens(900)
            .putAdditionalBodyProperty("ignore_eos", JsonValue.from(true))
            .build();
    try (StreamResponse<ChatCompletionChunk> chunks =
        client.chat().completions().createStreaming(endless)) {
      assertThat(chunks.stream().limit(3).count()).isEqualTo(3);
    }
    assertThat(fixture.idle().cancelled()).isEqualTo(before + 1);
  }

  @Test
  void optionsAreUnderstood() {
    ChatCompletionCreateParams params =
        greedy(STORY)
            .temperature(1)
            .putAdditionalBodyProperty("seed", JsonValue.from(11))
            .n(2)
            .topP(0.9)
            .presencePenalty(0.1)
            .logprobs(true)
            .topLogprobs(2)
            .stop("\n\n")
            .safetyIdentifier("me")
            .build();
    ChatCompletion answer = client.chat().completions().create(params);
    answer.validate();
    assertThat(answer.choices()).hasSize(2);
    assertThat(answer.choices().getFirst().logprobs().orElseThrow().content().orElseThrow())
        .isNotEmpty()
        .allSatisfy(token -> assertThat(token.topLogprobs()).hasSize(2));
    assertThat(content(client.chat().completions().create(params))).isEqualTo(content(answer));
  }

  @Test
  void aSchemaIsKeptTo() {
    ResponseFormatJsonSchema.JsonSchema.Schema schema =
        ResponseFormatJsonSchema.JsonSchema.Schema.builder()
            .putAdditionalProperty("type", JsonValue.from("object"))
            .putAdditionalProperty(
                "properties",
                JsonValue.from(
                    Map.of(
                        "kind", Map.of("enum", List.of("red", "arctic")),
                        "age", Map.of("type", "integer"))))
            .putAdditionalProperty("required", JsonValue.from(List.of("kind", "age")))
            .putAdditionalProperty("additionalProperties", JsonValue.from(false))
            .build();
    ResponseFormatJsonSchema format =
        ResponseFormatJsonSchema.builder()
            .jsonSchema(
                ResponseFormatJsonSchema.JsonSchema.builder()
                    .name("fox")
                    .strict(true)
                    .schema(schema)
                    .build())
            .build();
    ChatCompletion answer =
        client
            .chat()
            .completions()
            .create(greedy(STORY).maxCompletionTokens(200).responseFormat(format).build());
    JsonNode fox = ServerFixture.json(content(answer));
    assertThat(fox.get("kind").stringValue()).isIn("red", "arctic");
    assertThat(fox.get("age").isIntegralNumber()).isTrue();
  }

  @Test
  void toolsAreCalledAndTheirResultsTaken(@TempDir Path folder) throws Exception {
    ToolModel.copyTo(folder);
    try (ServerFixture server = new ServerFixture(folder, 2, 2, null, 1024)) {
      OpenAIClient tools = clientOf(server, "none");
      ResponseFormatJsonSchema forced =
          ResponseFormatJsonSchema.builder()
              .jsonSchema(
                  ResponseFormatJsonSchema.JsonSchema.builder()
                      .name("call")
                      .schema(
                          ResponseFormatJsonSchema.JsonSchema.Schema.builder()
                              .putAdditionalProperty(
                                  "const",
                                  JsonValue.from(
                                      Map.of(
                                          "name",
                                          "weather",
                                          "parameters",
                                          Map.of("place", "Rome"))))
                              .build())
                      .build())
              .build();
      ChatCompletionCreateParams.Builder conversation =
          greedy("Weather?").maxCompletionTokens(200).addTool(weather());
      ChatCompletionCreateParams asked = conversation.responseFormat(forced).build();
      ChatCompletion answer = tools.chat().completions().create(asked);
      answer.validate();
      assertThat(answer.choices().getFirst().finishReason().asString()).isEqualTo("tool_calls");
      ChatCompletionMessageFunctionToolCall call =
          answer.choices().getFirst().message().toolCalls().orElseThrow().getFirst().asFunction();
      assertThat(call.function().name()).isEqualTo("weather");
      assertThat(ServerFixture.json(call.function().arguments()).get("place").stringValue())
          .isEqualTo("Rome");
      ChatCompletion streamed = accumulated(tools, asked);
      assertThat(
              streamed
                  .choices()
                  .getFirst()
                  .message()
                  .toolCalls()
                  .orElseThrow()
                  .getFirst()
                  .asFunction()
                  .function())
          .isEqualTo(call.function());
      ChatCompletionCreateParams next =
          greedy("Weather?")
              .addTool(weather())
              .addMessage(answer.choices().getFirst().message())
              .addMessage(
                  ChatCompletionToolMessageParam.builder()
                      .toolCallId(call.id())
                      .content("Sunny.")
                      .build())
              .build();
      assertThat(tools.chat().completions().create(next).usage().orElseThrow().promptTokens())
          .isGreaterThan(answer.usage().orElseThrow().promptTokens());
      tools.close();
    }
  }

  private static ChatCompletionFunctionTool weather() {
    return ChatCompletionFunctionTool.builder()
        .function(
            FunctionDefinition.builder()
                .name("weather")
                .description("Tells it.")
                .parameters(
                    FunctionParameters.builder()
                        .putAdditionalProperty("type", JsonValue.from("object"))
                        .putAdditionalProperty(
                            "properties", JsonValue.from(Map.of("place", Map.of("type", "string"))))
                        .build())
                .build())
        .build();
  }

  @Test
  void completionsAndModels() {
    CompletionCreateParams params =
        CompletionCreateParams.builder()
            .model(ServerFixture.MODEL)
            .prompt("Once upon a time")
            .maxTokens(12)
            .temperature(0)
            .logprobs(1)
            .build();
    Completion answer = client.completions().create(params);
    answer.validate();
    assertThat(answer.choices().getFirst().logprobs().orElseThrow().tokens().orElseThrow())
        .hasSize(12);
    Completion echoed = client.completions().create(params.toBuilder().echo(true).build());
    assertThat(echoed.choices().getFirst().text())
        .isEqualTo("Once upon a time" + answer.choices().getFirst().text());
    assertThat(client.models().list().data())
        .singleElement()
        .satisfies(model -> assertThat(model.id()).isEqualTo(ServerFixture.MODEL));
    assertThat(client.models().retrieve(ServerFixture.MODEL).id()).isEqualTo(ServerFixture.MODEL);
  }

  @Test
  void refusalsArriveAsTheExceptionsOfTheClient() {
    NotFoundException unknown =
        catchThrowableOfType(
            NotFoundException.class,
            () -> client.chat().completions().create(greedy("Hi").model("gpt-4").build()));
    assertThat(unknown.code()).contains("model_not_found");
    assertThat(unknown).hasMessageContaining(ServerFixture.MODEL);
    BadRequestException bad =
        catchThrowableOfType(
            BadRequestException.class,
            () -> client.chat().completions().create(greedy("Hi").topP(3).build()));
    assertThat(bad.param()).contains("top_p");
    assertThat(bad.type()).contains("invalid_request_error");
    OpenAIClient stranger = clientOf(fixture, "guess");
    assertThatThrownBy(() -> stranger.chat().completions().create(greedy("Hi").build()))
        .isInstanceOf(UnauthorizedException.class);
    stranger.close();
    NotFoundException embeddings =
        catchThrowableOfType(
            NotFoundException.class,
            () ->
                client
                    .embeddings()
                    .create(
                        EmbeddingCreateParams.builder()
                            .model(ServerFixture.MODEL)
                            .input("Hi")
                            .build()));
    assertThat(embeddings).hasMessageContaining("/v1/embeddings").hasMessageContaining("embedding");
  }
}
