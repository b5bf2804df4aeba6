package io.vquant.tokenizer.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Mutations of real templates and of the recorded cases render, or end with a TemplateException.
 */
class MutatedTemplatesTest {
  private static final long SEED = 20260101;
  private static final int COUNT = Integer.getInteger("vquant.fuzz.count", 100_000);
  private static final int MAX_SOURCE_CHARS = 600;
  private static final JinjaLimits LIMITS =
      new JinjaLimits(
          20_000, 40, 100, 100_000, 1 << 20, Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));
  private static final String[] INSERTIONS = {
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    ".",
    "~",
    "'",
    "\"",
    "\\",
    "\n",
    " if ",
    " else ",
    " in ",
    " is ",
    " not ",
    "loop",
    "[::-1]",
    "*",
    "**",
    "%",
    "//",
    "0",
    "-1",
    "99999999999999999999",
    "1e308",
    "none",
    "|tojson",
    "|list",
    "|first",
    "|join",
    "|sort",
    "|map('length')",
    "|int",
    "|float",
    "|indent(9)",
    "range(99999)",
    "namespace()",
    "\uD83D",
    "\uD83D\uDE00",
    "{% set x = x ~ x %}",
    "{% endfor %}",
    "{% endif %}",
    "{% for a in b %}",
    "{% macro m(a) %}",
    "{% raw %}",
    "messages",
    ".items()",
    ".split()",
    ".format(1)",
    "%s",
    ":",
    ","
  };

  private record Case(String template, Map<String, Object> data) {}

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    Map<String, Object> data = JsonCases.object("jinja2-data.json");
    JsonCases.resource("jinja2-cases.json")
        .forEach(each -> cases.add(new Case(JsonCases.string(each, "template"), data)));
    List<Map<String, Object>> shared = JsonCases.sharedTemplates();
    if (shared != null) {
      shared.forEach(
          each -> cases.add(new Case(JsonCases.string(each, "template"), JsonCases.data(each))));
    }
    return cases;
  }

  @Test
  void endWithinTheirLimits() {
    List<Case> cases = cases();
    SplittableRandom random = new SplittableRandom(SEED);
    int numRendered = 0;
    for (int i = 0; i < COUNT; i++) {
      Case original = cases.get(random.nextInt(cases.size()));
      String mutated = mutated(original.template(), random);
      try {
        TrackedText text = JinjaTemplate.parse(mutated, LIMITS).render(original.data(), LIMITS);
        assertThat(text.text().length()).isLessThanOrEqualTo(LIMITS.maxOutputChars());
        numRendered++;
      } catch (TemplateException e) {
        assertThat(e.getMessage()).startsWith("template line ").doesNotContain("\n");
      } catch (RuntimeException | StackOverflowError e) {
        throw new AssertionError("seed " + SEED + ", mutation " + i + ": " + mutated, e);
      }
    }
    assertThat(numRendered).as("seed " + SEED).isPositive();
  }

  private static String mutated(String template, SplittableRandom random) {
    // A window of a long template keeps each mutation cheap.
    int begin =
        template.length() <= MAX_SOURCE_CHARS || random.nextInt(20) == 0
            ? 0
            : random.nextInt(template.length() - MAX_SOURCE_CHARS);
    int end =
        random.nextInt(200) == 0
            ? template.length()
            : Math.min(template.length(), begin + MAX_SOURCE_CHARS);
    StringBuilder mutated = new StringBuilder(template.substring(begin, end));
    for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
      int at = random.nextInt(mutated.length() + 1);
      int stop = Math.min(mutated.length(), at + random.nextInt(8));
      switch (random.nextInt(4)) {
        case 0 -> mutated.delete(at, stop);
        case 1 ->
            mutated.insert(
                at, mutated.substring(at, Math.min(mutated.length(), at + random.nextInt(60))));
        case 2 -> mutated.replace(at, stop, INSERTIONS[random.nextInt(INSERTIONS.length)]);
        default -> mutated.insert(at, INSERTIONS[random.nextInt(INSERTIONS.length)]);
      }
    }
    return mutated.toString();
  }
}
