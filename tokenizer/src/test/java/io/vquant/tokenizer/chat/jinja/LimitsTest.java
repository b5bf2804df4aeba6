package io.vquant.tokenizer.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Hostile templates and data end with an exception of their own, on a small stack. */
class LimitsTest {
  private static final int SMALL_STACK_BYTES = 512 << 10;
  private static final JinjaLimits STANDARD = JinjaLimits.standard();

  /** A tenth of the standard steps, for a quick test; all else as standard. */
  private static final JinjaLimits FEWER_STEPS =
      new JinjaLimits(
          STANDARD.maxSteps() / 10,
          STANDARD.maxNesting(),
          STANDARD.maxDepth(),
          STANDARD.maxOutputChars(),
          STANDARD.maxSourceChars(),
          STANDARD.clock());

  private static void assertRefused(String template, Map<String, Object> context) {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                JinjaTemplate.parse(template).render(context, FEWER_STEPS);
              } catch (Throwable e) {
                thrown.set(e);
              }
            },
            "small stack",
            SMALL_STACK_BYTES);
    thread.start();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    assertThat(thrown.get()).isInstanceOf(TemplateLimitException.class);
    assertThat(thrown.get().getMessage()).startsWith("template line ").doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ range(10 ** 9) }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 10 ** 10 }}",
        "{{ [1] * 10 ** 10 }}",
        "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|tojson }}",
        "{% set ns = namespace(l=1) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(a=1, b=1) %}{% for i in range(99) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
        "{{ ('x' * 30000000).replace('', 'y' * 1000) }}",
        "{{ ('x\\n' * 1000000)|indent(1000000) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% set ns = namespace(n=9) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ caller and '' }}{% call m() %}x{% endcall %}{% endmacro %}{{ m() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set a = 'a' * 3000000 %}{% set b = 'a' * 1000000 + 'b' %}{{ b in a }}",
        "{% for i in range(99999) %}{{ range(99999)|list }}{% endfor %}",
        "{{ strftime_now('%c' * 10000000) }}",
        "{{ ('\\x01' * 9000000)|tojson }}",
      })
  void refusesHostileTemplates(String template) {
    assertRefused(template, Map.of());
  }

  @ParameterizedTest
  @CsvSource(
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "(,)",
        "[,]",
        "{1:,}",
        "-,''",
        "not ,''",
        "a[,]",
        "f(,)",
        "{1:[,]}",
        "a if b else ,''",
        "x|f(,)",
        "1 is eq (,)",
        "a + (,)"
      })
  void refusesDeepExpressions(String opening, String closing) {
    assertRefused(
        "{{ " + opening.repeat(100_000) + "1" + closing.repeat(100_000) + " }}", Map.of());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% if 1 %}",
        "{% for x in y %}",
        "{% set x %}",
        "{% macro m() %}",
        "{% filter upper %}",
        "{% with %}",
        "{% generation %}"
      })
  void refusesDeepBlocks(String opening) {
    assertRefused(opening.repeat(50_000), Map.of());
  }

  @Test
  void refusesLongChainsThatRecurse() {
    assertRefused("{{ x" + ".a".repeat(100_000) + " }}", Map.of("x", Map.of()));
    assertRefused("{{ x" + "|string".repeat(100_000) + " }}", Map.of());
    assertRefused("{{ 1" + " and 1".repeat(100_000) + " }}", Map.of());
  }

  @Test
  void rendersLongSums() {
    String sum = "{{ 1" + " + 1".repeat(5_000) + " }}";
    assertThat(JinjaTemplate.parse(sum).render(Map.of(), JinjaLimits.standard()).text())
        .isEqualTo("5001");
  }

  @Test
  void refusesDeepData() {
    List<Object> deep = new ArrayList<>();
    for (int i = 0; i < 100_000; i++) {
      deep = new ArrayList<>(List.of(deep));
    }
    assertRefused("x", Map.of("deep", deep));
  }

  @Test
  void refusesLongSources() {
    assertThatThrownBy(() -> JinjaTemplate.parse("x".repeat(2 << 20)))
        .isInstanceOf(TemplateLimitException.class)
        .hasMessage(
            "template line 1: the source has 2097152 characters, at most 1048576 are allowed");
  }

  @Test
  void rendersLongConversations() {
    List<Map<String, String>> messages = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      messages.add(Map.of("role", "user", "content", "word ".repeat(400)));
    }
    String template =
        "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content|trim + '</think>'.split('</think>')[-1] }}{% endfor %}";
    TrackedText text =
        JinjaTemplate.parse(template).render(Map.of("messages", messages), JinjaLimits.standard());
    assertThat(text.text()).hasSize(2_000 * (8 + 1999));
  }
}
