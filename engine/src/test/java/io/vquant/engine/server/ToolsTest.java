package io.vquant.engine.server;

import static io.vquant.engine.server.ServerFixture.messages;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Tools reach the template, and what the model writes comes back as calls. */
class ToolsTest {
  private static final String TOOLS =
      "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\":"
          + " \"Tells it.\", \"parameters\": {\"type\": \"object\", \"properties\": {\"place\":"
          + " {\"type\": \"string\"}}}}}], ";

  @Test
  void callsComeBackAndTheirResultsGoIn(@TempDir Path folder) throws Exception {
    ToolModel.copyTo(folder);
    try (ServerFixture fixture = new ServerFixture(folder, 2, 2, null, 1024)) {
      String call = "{\"name\": \"weather\", \"parameters\": {\"place\": \"Rome\"}}";
      JsonNode answer =
          fixture.chat(
              TOOLS + ToolModel.forced(call) + "\"temperature\": 0, " + messages("Weather?"));
      assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("tool_calls");
      assertThat(answer.at("/choices/0/message/content").isNull()).isTrue();
      JsonNode function = answer.at("/choices/0/message/tool_calls/0/function");
      assertThat(function.get("name").stringValue()).isEqualTo("weather");
      assertThat(function.get("arguments").stringValue()).isEqualTo("{\"place\":\"Rome\"}");

      List<JsonNode> events =
          fixture.stream(
              "/v1/chat/completions",
              TOOLS + ToolModel.forced(call) + "\"temperature\": 0, " + messages("Weather?"));
      JsonNode last = events.getLast();
      assertThat(last.at("/choices/0/delta/tool_calls/0/index").intValue()).isZero();
      assertThat(last.at("/choices/0/delta/tool_calls/0/function")).isEqualTo(function);
      assertThat(last.at("/choices/0/finish_reason").stringValue()).isEqualTo("tool_calls");

      String id = answer.at("/choices/0/message/tool_calls/0/id").stringValue();
      String next =
          "\"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": \"Weather?\"}, "
              + answer.at("/choices/0/message")
              + ", {\"role\": \"tool\", \"tool_call_id\": \""
              + id
              + "\", \"content\": \"Sunny.\"}]";
      assertThat(fixture.chat(TOOLS + next).at("/usage/prompt_tokens").intValue())
          .isGreaterThan(answer.at("/usage/prompt_tokens").intValue());

      int without =
          fixture
              .chat("\"max_tokens\": 1, " + messages("Hi"))
              .at("/usage/prompt_tokens")
              .intValue();
      int with =
          fixture
              .chat(TOOLS + "\"max_tokens\": 1, " + messages("Hi"))
              .at("/usage/prompt_tokens")
              .intValue();
      int none =
          fixture
              .chat(TOOLS + "\"tool_choice\": \"none\", \"max_tokens\": 1, " + messages("Hi"))
              .at("/usage/prompt_tokens")
              .intValue();
      assertThat(with).isGreaterThan(without + 30);
      assertThat(none).isEqualTo(without);
    }
  }

  @Test
  void aTemplateWithoutToolsRefusesThem() throws Exception {
    try (ServerFixture fixture = new ServerFixture(2, 2, null)) {
      HttpResponse<String> refused =
          fixture.post("/v1/chat/completions", "{" + TOOLS + messages("Hi") + "}");
      assertThat(refused.statusCode()).isEqualTo(400);
      assertThat(ServerFixture.json(refused.body()).at("/error/param").stringValue())
          .isEqualTo("tools");
    }
  }
}
