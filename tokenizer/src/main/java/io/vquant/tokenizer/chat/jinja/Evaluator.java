package io.vquant.tokenizer.chat.jinja;

import io.vquant.tokenizer.chat.jinja.Expression.ArgumentList;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Gives expressions their values. */
final class Evaluator {
  private final Execution execution;

  Evaluator(Execution execution) {
    this.execution = execution;
  }

  @Nullable Object evaluate(Expression expression, Scope scope) {
    execution.enter();
    Object value =
        switch (expression) {
          case Expression.Literal literal -> literal.value();
          case Expression.Name name -> name(name, scope);
          case Expression.ListDisplay list -> all(list.items(), scope);
          case Expression.TupleDisplay tuple -> Tuple.copyOf(all(tuple.items(), scope));
          case Expression.DictDisplay dict -> dict(dict, scope);
          case Expression.Sign sign -> signed(sign, scope);
          case Expression.Arithmetic arithmetic -> arithmetic(arithmetic, scope);
          case Expression.Concatenation concatenation -> concatenated(concatenation, scope);
          case Expression.And and -> {
            Object left = evaluate(and.left(), scope);
            yield isTrue(left) ? evaluate(and.right(), scope) : left;
          }
          case Expression.Or or -> {
            Object left = evaluate(or.left(), scope);
            yield isTrue(left) ? left : evaluate(or.right(), scope);
          }
          case Expression.Not not -> !isTrue(evaluate(not.operand(), scope));
          case Expression.Comparison comparison -> compare(comparison, scope);
          case Expression.Conditional conditional -> conditional(conditional, scope);
          case Expression.Attribute attribute -> {
            Object object = evaluate(attribute.object(), scope);
            execution.at(attribute.line());
            yield Attributes.attribute(execution, object, attribute.name());
          }
          case Expression.Item item -> {
            Object object = evaluate(item.object(), scope);
            Object key = evaluate(item.key(), scope);
            execution.at(item.line());
            yield Attributes.item(execution, object, key);
          }
          case Expression.Slicing slicing -> slice(slicing, scope);
          case Expression.Call call -> call(call, arguments(call.arguments(), scope), scope);
          case Expression.Filtering filtering ->
              filter(evaluate(filtering.operand(), scope), filtering.filter(), scope);
          case Expression.Testing testing -> test(testing, scope);
        };
    execution.leave();
    return value;
  }

  boolean isTrue(@Nullable Object value) {
    return Values.isTrue(execution, value);
  }

  private Object name(Expression.Name name, Scope scope) {
    execution.at(name.line());
    return scope.get(name.name());
  }

  private List<Object> all(List<Expression> expressions, Scope scope) {
    List<Object> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(evaluate(expression, scope));
    }
    return values;
  }

  private Object dict(Expression.DictDisplay dict, Scope scope) {
    Map<Object, Object> entries = new LinkedHashMap<>();
    for (int i = 0; i < dict.keys().size(); i++) {
      Object key = evaluate(dict.keys().get(i), scope);
      execution.at(dict.line());
      entries.put(Values.key(execution, key), evaluate(dict.values().get(i), scope));
    }
    return entries;
  }

  private Object signed(Expression.Sign sign, Scope scope) {
    Object value = evaluate(sign.operand(), scope);
    execution.at(sign.line());
    if (!Numbers.isNumber(value)) {
      throw execution.failure(
          value instanceof Undefined undefined
              ? undefined.reason()
              : "a sign needs a number, found " + Values.typeName(value));
    }
    return sign.negative()
        ? Numbers.negated(execution, value)
        : Numbers.arithmetic(execution, "+", value, 0L);
  }

  /** Walks down the left operands, so that a long sum needs no deep recursion. */
  private Object arithmetic(Expression.Arithmetic last, Scope scope) {
    Deque<Expression.Arithmetic> chain = new ArrayDeque<>();
    Expression left = last;
    while (left instanceof Expression.Arithmetic inner) {
      chain.push(inner);
      left = inner.left();
    }
    Object value = evaluate(left, scope);
    while (!chain.isEmpty()) {
      Expression.Arithmetic step = chain.pop();
      Object right = evaluate(step.right(), scope);
      execution.at(step.line());
      value = Operators.arithmetic(execution, step.operator(), value, right);
    }
    return value;
  }

  private Object concatenated(Expression.Concatenation concatenation, Scope scope) {
    TrackedText.Builder all = new TrackedText.Builder();
    for (Object part : all(concatenation.parts(), scope)) {
      TrackedText text = Values.text(execution, part);
      execution.at(concatenation.line());
      execution.chargeText((long) all.length() + text.length());
      all.append(text);
    }
    return all.build();
  }

  private boolean compare(Expression.Comparison comparison, Scope scope) {
    Object left = evaluate(comparison.first(), scope);
    for (Expression.Link link : comparison.links()) {
      Object right = evaluate(link.operand(), scope);
      execution.at(comparison.line());
      if (!Operators.compare(execution, link.operator(), left, right)) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private Object conditional(Expression.Conditional conditional, Scope scope) {
    if (isTrue(evaluate(conditional.test(), scope))) {
      return evaluate(conditional.then(), scope);
    }
    return conditional.otherwise() == null
        ? Undefined.because(
            "the inline if-expression on line "
                + conditional.line()
                + " evaluated to false and no else section was defined")
        : evaluate(conditional.otherwise(), scope);
  }

  private Object slice(Expression.Slicing slicing, Scope scope) {
    Object object = evaluate(slicing.object(), scope);
    Object start = slicing.start() == null ? null : evaluate(slicing.start(), scope);
    Object stop = slicing.stop() == null ? null : evaluate(slicing.stop(), scope);
    Object step = slicing.step() == null ? null : evaluate(slicing.step(), scope);
    execution.at(slicing.line());
    return Attributes.slice(execution, object, start, stop, step);
  }

  /** Calls with arguments of the caller's making. */
  @Nullable Object call(Expression.Call call, Arguments arguments, Scope scope) {
    Object callee = evaluate(call.callee(), scope);
    execution.at(call.line());
    return switch (callee) {
      case Callable callable -> callable.call(execution, arguments);
      case Undefined undefined -> throw execution.failure(undefined.reason());
      case null, default ->
          throw execution.failure(
              "a value of type " + Values.typeName(callee) + " cannot be called");
    };
  }

  Arguments arguments(ArgumentList list, Scope scope) {
    List<Object> positional = all(list.positional(), scope);
    Map<String, Object> keywords = new LinkedHashMap<>();
    for (Expression.Keyword keyword : list.keywords()) {
      keywords.put(keyword.name(), evaluate(keyword.value(), scope));
    }
    if (list.spread() != null) {
      positional.addAll(Values.elements(execution, evaluate(list.spread(), scope)));
    }
    if (list.keywordSpread() != null) {
      if (!(evaluate(list.keywordSpread(), scope) instanceof Map<?, ?> map)) {
        throw execution.failure("'**' needs a mapping");
      }
      map.forEach((name, value) -> keywords.put(Values.text(execution, name).text(), value));
    }
    return new Arguments(positional, keywords);
  }

  @Nullable Object filter(@Nullable Object value, Expression.FilterStep step, Scope scope) {
    Arguments arguments = arguments(step.arguments(), scope);
    execution.at(step.line());
    return Filters.apply(execution, step.name(), value, arguments);
  }

  private boolean test(Expression.Testing testing, Scope scope) {
    Object value = evaluate(testing.operand(), scope);
    Arguments arguments = arguments(testing.arguments(), scope);
    execution.at(testing.line());
    return Tests.apply(execution, testing.name(), value, arguments) != testing.negated();
  }
}
