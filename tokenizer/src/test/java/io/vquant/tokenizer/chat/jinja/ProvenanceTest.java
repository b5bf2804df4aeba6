package io.vquant.tokenizer.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Each character knows whether the template wrote it: below, T marks the template's and d the
 * data's.
 */
class ProvenanceTest {
  private static final Map<String, Object> CONTEXT =
      Map.of(
          "s", "abc",
          "spaced", " ab ",
          "wide", "\uD83D\uDE00b",
          "sharp", "a\u00DF",
          "list", List.of("x", "y"),
          "bos", TrackedText.trusted("<s>"),
          "m", Map.of("k", "v"));

  private static String marks(String template) {
    TrackedText text = JinjaTemplate.parse(template).render(CONTEXT, JinjaLimits.standard());
    StringBuilder marks = new StringBuilder();
    for (int i = 0; i < text.text().length(); i++) {
      marks.append(text.fromTemplate(i) ? 'T' : 'd');
    }
    return text.text() + " " + marks;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      textBlock =
          """
          t{{ s }}t                                  ; tabct TdddT
          {{ '<' + s + '>' }}                        ; <abc> TdddT
          {{ '<' ~ s ~ 1 }}                          ; <abc1 Tdddd
          {{ bos ~ s }}                              ; <s>abc TTTddd
          {{ ('<' + s + '>')[1:] }}                  ; abc> dddT
          {{ ('<' + s + '>')[::-1] }}                ; >cba< TdddT
          {{ ('<' + s + '>')[0] }}                   ; < T
          {{ ('-' ~ spaced ~ '-').strip('-')|trim }} ; ab dd
          {{ ('q' ~ s)|upper }}                      ; QABC Tddd
          {{ ('q' ~ sharp)|upper }}                  ; QASS Tddd
          {{ ('q' ~ s).title() }}                    ; Qabc Tddd
          {{ s.replace('b', '--') }}                 ; a--c dTTd
          {{ s.replace('b', s) }}                    ; aabcc ddddd
          {{ 'a-b'.replace('-', s) }}                ; aabcb TdddT
          {{ list|join('+') }}                       ; x+y dTd
          {{ '+'.join(['a', s]) }}                   ; a+abc TTddd
          {{ ('a,' + s).split(',')[0] }}             ; a T
          {{ ('a,' + s).split(',')[1] }}             ; abc ddd
          {{ '<%s>' % s }}                           ; <abc> TdddT
          {{ '<{}>'.format(s) }}                     ; <abc> TdddT
          {% set x %}a{{ s }}{% endset %}{{ x }}     ; aabc Tddd
          {% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(s) }} ; <abc> TdddT
          {{ s|tojson }}                             ; "abc" ddddd
          {{ ['a']|tojson }}                         ; ["a"] ddddd
          {{ 'a' * 2 ~ s }}                          ; aaabc TTddd
          {{ m.keys()|first }}                       ; k d
          {{ dict(**m)|first }}                      ; k d
          {{ nope|default('z') ~ s }}                ; zabc Tddd
          """)
  void followsEachCharacter(String template, String expected) {
    assertThat(marks(template)).isEqualTo(expected);
  }

  @Test
  void countsSurrogatePairsAsOneCharacter() {
    assertThat(marks("{{ wide|length }}{{ ('a' ~ wide)[1] }}")).isEqualTo("2\uD83D\uDE00 ddd");
  }

  @Test
  void countsPaddingAndIndentation() {
    assertThat(marks("{{ '%5s' % s }}")).isEqualTo("  abc ddddd");
    assertThat(marks("{{ 'x\\ny'|indent(1) ~ s|indent }}")).isEqualTo("x\n yabc TTTTddd");
  }
}
