package io.vquant.engine.server;

import static io.vquant.engine.server.ServerFixture.messages;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Tools reach the template, and what the model writes comes back as calls. */
class ToolsTest {
  private static final String TEMPLATE =
      "{{ bos_token }}{% if tools %}{{ '<|im_start|>system\\nTools, called by"
          + " <|python_tag|>: ' }}{{ tools | tojson }}{{ '<|im_end|>\\n' }}{% endif %}"
          + "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' }}"
          + "{% if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function.name }}"
          + "{{ c.function.arguments | tojson }}{% endfor %}{% else %}{{ m['content'] }}{% endif %}"
          + "{{ '<|im_end|>\\n' }}{% endfor %}"
          + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
  private static final String TOOLS =
      "\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"description\":"
          + " \"Tells it.\", \"parameters\": {\"type\": \"object\", \"properties\": {\"place\":"
          + " {\"type\": \"string\"}}}}}], ";

  /** Makes the small model write this JSON and nothing else. */
  private static String forced(String json) {
    return "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"x\","
        + " \"schema\": {\"const\": "
        + json
        + "}}}, ";
  }

  private static void copyModel(Path to) throws IOException {
    Path from = ServerFixture.modelFolder();
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    Files.writeString(to.resolve("chat_template.jinja"), TEMPLATE);
  }

  @Test
  void callsComeBackAndTheirResultsGoIn(@TempDir Path folder) throws Exception {
    copyModel(folder);
    try (ServerFixture fixture = new ServerFixture(folder, 2, 2, null, 1024)) {
      String call = "{\"name\": \"weather\", \"parameters\": {\"place\": \"Rome\"}}";
      JsonNode answer =
          fixture.chat(TOOLS + forced(call) + "\"temperature\": 0, " + messages("Weather?"));
      assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("tool_calls");
      assertThat(answer.at("/choices/0/message/content").isNull()).isTrue();
      JsonNode function = answer.at("/choices/0/message/tool_calls/0/function");
      assertThat(function.get("name").stringValue()).isEqualTo("weather");
      assertThat(function.get("arguments").stringValue()).isEqualTo("{\"place\":\"Rome\"}");

      List<JsonNode> events =
          fixture.stream(
              "/v1/chat/completions",
              TOOLS + forced(call) + "\"temperature\": 0, " + messages("Weather?"));
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
