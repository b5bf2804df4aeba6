package io.vquant.tokenizer.chat.jinja;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A refusal is one line that names the template's line and what was expected. */
class TemplateMessagesTest {
  private static void render(String template) {
    JinjaTemplate.parse(template)
        .render(Map.of("d", Map.of("k", "v"), "s", "text"), JinjaLimits.standard());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "x~{{ 1 +~ }}; template line 3: expected an expression, found '}}'",
        "{% if s %}~{{ d.none.x }}~{% endif %}; template line 2: 'dict object' has no attribute 'none'",
        "~~{{ nope['x'] }}; template line 3: 'nope' is undefined",
        "{% macro m(x) %}~{{ x + 1 }}~{% endmacro %}~{{ m(s) }}; template line 2: '+' is not possible between str and int",
        "{% for x in s %}~{% endif %}; template line 2: expected a tag of a chat template (if, for, set, macro, ...), found 'endif'",
        "~{% if s %}~~; template line 2: the block that starts here has no elif or else or endif",
        "~{{ 'a; template line 2: the string that starts here has no closing '",
        "{{ s|nope }}; template line 1: expected a filter of Jinja2 (trim, tojson, selectattr, ...), found 'nope'",
        "{{ s.replace('a') }}; template line 1: replace() needs its argument 'new'",
        "{% include 'x' %}; template line 1: 'include' is not supported: a chat template is one file without inheritance",
      })
  void nameTheLineAndTheExpectation(String template, String message) {
    assertThatThrownBy(() -> render(template.replace('~', '\n')))
        .isInstanceOf(TemplateException.class)
        .hasMessage(message);
  }

  @Test
  void keepTheTemplatesOwnWords() {
    assertThatThrownBy(() -> render("\n{{ raise_exception('roles\nmust ' ~ 'alternate') }}"))
        .hasMessage("template line 2: the template refuses its input: roles\\nmust alternate")
        .asInstanceOf(type(TemplateRaisedException.class))
        .extracting(TemplateRaisedException::raisedMessage)
        .isEqualTo("roles\nmust alternate");
  }
}
