package io.vquant.tokenizer.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Templates of published models give exactly the text that was recorded for them. */
class RealTemplatesTest {
  private static final JinjaLimits LIMITS =
      JinjaLimits.standard()
          .withClock(Clock.fixed(Instant.parse("2025-04-15T12:00:00Z"), ZoneOffset.UTC));

  @TestFactory
  Stream<DynamicTest> rendersExactly() {
    List<Map<String, Object>> cases = JsonCases.sharedTemplates();
    assumeTrue(cases != null, "the folder of shared test data is absent");
    assertThat(cases).hasSizeGreaterThanOrEqualTo(35);
    return cases.stream()
        .map(testCase ->
            DynamicTest.dynamicTest(
                testCase.get("group") + " " + testCase.get("name"),
                () -> {
                  JinjaTemplate template =
                      JinjaTemplate.parse(JsonCases.string(testCase, "template"));
                  TrackedText text = template.render(JsonCases.data(testCase), LIMITS);
                  assertThat(text.text()).isEqualTo(testCase.get("target"));
                }));
  }
}
