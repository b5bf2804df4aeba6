package io.vquant.engine.server;

import static io.vquant.engine.server.ServerFixture.messages;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.core.exc.UnexpectedEndOfInputException;
import tools.jackson.databind.JsonNode;

/** {@code response_format}, asked of a model that has never seen JSON. */
class JsonAnswerTest {
  private static final String SCHEMA =
      "{\"type\": \"json_schema\", \"json_schema\": {\"name\": \"fox\", \"strict\": true, \"schema\":"
          + " {\"type\": \"object\", \"properties\": {\"name\": {\"type\": \"string\","
          + " \"maxLength\": 12}, \"age\": {\"type\": \"integer\"}, \"kind\": {\"enum\": [\"red\","
          + " \"arctic\"]}, \"friends\": {\"type\": \"array\", \"maxItems\": 2, \"items\": {\"type\":"
          + " \"string\", \"maxLength\": 8}}}, \"required\": [\"name\", \"age\", \"kind\","
          + " \"friends\"], \"additionalProperties\": false}}}";
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

  @Test
  void answersKeepToASchema() throws Exception {
    for (int seed = 1; seed <= 2; seed++) {
      JsonNode answers =
          fixture.chat(
              "\"temperature\": 1.3, \"n\": 4, \"max_tokens\": 200, \"seed\": "
                  + 100 * seed
                  + ", \"response_format\": "
                  + SCHEMA
                  + ", "
                  + messages("Tell me about a fox."));
      for (JsonNode choice : answers.get("choices")) {
        assertThat(choice.get("finish_reason").stringValue()).as("seed %d", seed).isEqualTo("stop");
        JsonNode fox = ServerFixture.json(choice.at("/message/content").stringValue());
        assertThat(fox.propertyNames()).containsExactly("name", "age", "kind", "friends");
        assertThat(fox.get("age").isIntegralNumber()).isTrue();
        assertThat(fox.get("kind").stringValue()).isIn("red", "arctic");
        assertThat(
                fox.get("name")
                    .stringValue()
                    .codePointCount(0, fox.get("name").stringValue().length()))
            .isLessThanOrEqualTo(12);
        assertThat(fox.get("friends").size()).isLessThanOrEqualTo(2);
      }
    }
  }

  @Test
  void anyObjectIsAnObject() throws Exception {
    JsonNode answers =
        fixture.chat(
            "\"temperature\": 1, \"n\": 4, \"max_tokens\": 100, \"seed\": 5, \"response_format\":"
                + " {\"type\": \"json_object\"}, "
                + messages("Tell me about a fox."));
    for (JsonNode choice : answers.get("choices")) {
      String text = choice.at("/message/content").stringValue();
      if (choice.get("finish_reason").stringValue().equals("stop")) {
        assertThat(ServerFixture.json(text).isObject()).isTrue();
      } else { // cut off: all that is wrong with it is that it ends
        assertThatThrownBy(() -> ServerFixture.json(text))
            .isInstanceOf(UnexpectedEndOfInputException.class);
      }
    }
  }

  @Test
  void schemasThatCannotBeKeptAreNamed() throws Exception {
    HttpResponse<String> refused =
        fixture.post(
            "/v1/chat/completions",
            "{\"response_format\": "
                + SCHEMA.replace("\"maxLength\": 12", "\"pattern\": \"a*\"")
                + ", "
                + messages("Hi")
                + "}");
    assertThat(refused.statusCode()).isEqualTo(400);
    assertThat(ServerFixture.json(refused.body()).at("/error/param").stringValue())
        .isEqualTo("response_format.json_schema.schema.properties.name.pattern");
  }
}
