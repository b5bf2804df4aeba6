package io.vquant.tokenizer.chat.jinja;

import org.jspecify.annotations.Nullable;

/**
 * One token of a template.
 *
 * @param text the name, the operator, or the source of any other token
 * @param value the literal's value: TrackedText of TEXT and STRING, Long or BigInteger of INTEGER,
 *     Double of FLOAT
 * @param line line of the template, from 1
 */
record Token(Kind kind, String text, @Nullable Object value, int line) {
  enum Kind {
    TEXT,
    OUTPUT_BEGIN,
    OUTPUT_END,
    BLOCK_BEGIN,
    BLOCK_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  /** For messages. */
  String shown() {
    return kind == Kind.END ? "the end of the template" : "'" + text + "'";
  }
}
