package io.vquant.tokenizer.chat.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The syntax of what has a value. */
sealed interface Expression {
  record Literal(@Nullable Object value) implements Expression {}

  record Name(String name, int line) implements Expression {}

  record ListDisplay(List<Expression> items) implements Expression {}

  record TupleDisplay(List<Expression> items) implements Expression {}

  record DictDisplay(List<Expression> keys, List<Expression> values, int line)
      implements Expression {}

  /** {@code -a} or {@code +a}. */
  record Sign(boolean negative, Expression operand, int line) implements Expression {}

  record Arithmetic(String operator, Expression left, Expression right, int line)
      implements Expression {}

  /** {@code a ~ b ~ c}. */
  record Concatenation(List<Expression> parts, int line) implements Expression {}

  record And(Expression left, Expression right) implements Expression {}

  record Or(Expression left, Expression right) implements Expression {}

  record Not(Expression operand) implements Expression {}

  /** {@code first op1 a op2 b}: true if each neighbouring pair compares so. */
  record Comparison(Expression first, List<Link> links, int line) implements Expression {}

  record Link(String operator, Expression operand) {}

  record Conditional(Expression test, Expression then, @Nullable Expression otherwise, int line)
      implements Expression {}

  /** {@code object.name}. */
  record Attribute(Expression object, String name, int line) implements Expression {}

  /** {@code object[key]}. */
  record Item(Expression object, Expression key, int line) implements Expression {}

  /** {@code object[start:stop:step]}. */
  record Slicing(
      Expression object,
      @Nullable Expression start,
      @Nullable Expression stop,
      @Nullable Expression step,
      int line)
      implements Expression {}

  record Call(Expression callee, ArgumentList arguments, int line) implements Expression {}

  record Filtering(Expression operand, FilterStep filter) implements Expression {}

  record FilterStep(String name, ArgumentList arguments, int line) {}

  record Testing(Expression operand, String name, ArgumentList arguments, boolean negated, int line)
      implements Expression {}

  /** What stands between the parentheses of a call. */
  record ArgumentList(
      List<Expression> positional,
      List<Keyword> keywords,
      @Nullable Expression spread,
      @Nullable Expression keywordSpread) {
    static final ArgumentList NONE = new ArgumentList(List.of(), List.of(), null, null);
  }

  record Keyword(String name, Expression value) {}
}
