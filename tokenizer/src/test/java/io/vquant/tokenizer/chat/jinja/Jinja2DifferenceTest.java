package io.vquant.tokenizer.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What Python's Jinja2 3.1.2 gave for each construct, in the environment that transformers sets up;
 * how it was recorded stands in the README beside the recordings.
 */
class Jinja2DifferenceTest {
  private static final JinjaLimits LIMITS =
      JinjaLimits.standard()
          .withClock(Clock.fixed(Instant.parse("2025-04-05T14:03:09Z"), ZoneOffset.UTC));

  @TestFactory
  Stream<DynamicTest> rendersAsJinja2Does() {
    Map<String, Object> data = JsonCases.object("jinja2-data.json");
    return JsonCases.resource("jinja2-cases.json").stream()
        .map(recorded -> {
          String template = JsonCases.string(recorded, "template");
          return DynamicTest.dynamicTest(
              template,
              () ->
                  assertThat(JinjaTemplate.parse(template).render(data, LIMITS).text())
                      .as(template)
                      .isEqualTo(JsonCases.string(recorded, "expected")));
        });
  }

  @TestFactory
  Stream<DynamicTest> refusesWhatJinja2Refuses() {
    Map<String, Object> data = JsonCases.object("jinja2-data.json");
    return JsonCases.resource("jinja2-refused.json").stream()
        .map(recorded -> {
          String template = JsonCases.string(recorded, "template");
          return DynamicTest.dynamicTest(
              template,
              () ->
                  assertThatThrownBy(() -> JinjaTemplate.parse(template).render(data, LIMITS))
                      .as("%s, where Jinja2 raises %s", template, recorded.get("error"))
                      .isInstanceOf(TemplateException.class)
                      .hasMessageStartingWith("template line 1: "));
        });
  }
}
