package io.vquant.tokenizer.chat.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The syntax of what writes output or changes names. */
sealed interface Statement {
  record Text(TrackedText text) implements Statement {}

  record Output(Expression value, int line) implements Statement {}

  record If(List<Branch> branches, List<Statement> otherwise) implements Statement {}

  record Branch(Expression test, List<Statement> body) {}

  record For(
      Target target,
      Expression iterable,
      @Nullable Expression filter,
      List<Statement> body,
      List<Statement> otherwise,
      boolean recursive,
      int line)
      implements Statement {}

  record Assign(Target target, Expression value, int line) implements Statement {}

  /** {@code {% set target | filters %}body{% endset %}}. */
  record AssignBlock(
      Target target, List<Expression.FilterStep> filters, List<Statement> body, int line)
      implements Statement {}

  record MacroDefinition(MacroSyntax macro) implements Statement {}

  /** {@code {% call(parameters) call %}body{% endcall %}}. */
  record CallBlock(Expression.Call call, MacroSyntax caller) implements Statement {}

  record FilterBlock(List<Expression.FilterStep> filters, List<Statement> body)
      implements Statement {}

  record With(List<Target> targets, List<Expression> values, List<Statement> body, int line)
      implements Statement {}

  /** {@code {% generation %}}: its body, in a scope of its own. */
  record Generation(List<Statement> body) implements Statement {}

  record Break() implements Statement {}

  record Continue() implements Statement {}

  /**
   * What a macro or the body of a call block is made of.
   *
   * @param defaults the defaults of the last parameters
   * @param usesCaller whether the body names {@code caller}; likewise {@code varargs} and {@code
   *     kwargs}
   */
  record MacroSyntax(
      String name,
      List<String> parameters,
      List<Expression> defaults,
      List<Statement> body,
      boolean usesCaller,
      boolean usesVarargs,
      boolean usesKwargs,
      int line) {}

  /** What can be assigned to. */
  sealed interface Target {
    record Variable(String name) implements Target {}

    record Unpacking(List<Target> items) implements Target {}

    /** {@code namespace.attribute}. */
    record NamespaceAttribute(String namespace, String attribute) implements Target {}
  }
}
