package io.vquant.tokenizer.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class StringLiteralTest {

  private static StringLiteral read(String source) {
    return StringLiteral.read(source, 0, 3);
  }

  @Test
  void charactersHaveNames() {
    String source = "'a\\N{EM DASH}\\N{slightly smiling face}b'";
    StringLiteral literal = read(source + " ~");
    assertThat(literal.value().text()).isEqualTo("a\u2014\ud83d\ude42b");
    assertThat(literal.end()).isEqualTo(source.length());
  }

  @Test
  void namesAreCheckedAndBraced() {
    assertThatThrownBy(() -> read("'\\N{EM DISH}'"))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("EM DISH")
        .hasMessageContaining("line 3");
    assertThatThrownBy(() -> read("'\\NEM DASH'")).hasMessageContaining("braces");
    assertThatThrownBy(() -> read("'\\N{EM DASH'")).hasMessageContaining("braces");
  }
}
