package io.vquant.tokenizer.chat.jinja;

import io.vquant.tokenizer.chat.jinja.Statement.Target;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** Runs statements. */
final class Renderer {
  /** How a list of statements ended. */
  private enum Exit {
    END,
    BREAK,
    CONTINUE
  }

  private final Execution execution;
  private final Evaluator evaluator;

  Renderer(Execution execution) {
    this.execution = execution;
    this.evaluator = new Evaluator(execution);
  }

  Evaluator evaluator() {
    return evaluator;
  }

  /** What the statements write. */
  TrackedText capture(List<Statement> body, Scope scope) {
    TrackedText.Builder out = new TrackedText.Builder();
    run(body, scope, out);
    return out.build();
  }

  private Exit run(List<Statement> body, Scope scope, TrackedText.Builder out) {
    execution.enter();
    Exit exit = Exit.END;
    for (int i = 0; i < body.size() && exit == Exit.END; i++) {
      exit = run(body.get(i), scope, out);
    }
    execution.leave();
    return exit;
  }

  private Exit run(Statement statement, Scope scope, TrackedText.Builder out) {
    execution.charge(1);
    switch (statement) {
      case Statement.Text text -> write(out, text.text());
      case Statement.Output output -> {
        execution.at(output.line());
        write(out, Values.text(execution, evaluator.evaluate(output.value(), scope)));
      }
      case Statement.If conditional -> {
        return run(chosen(conditional, scope), scope, out);
      }
      case Statement.For loop -> {
        execution.at(loop.line());
        loop(loop, evaluator.evaluate(loop.iterable(), scope), 0, scope, out);
      }
      case Statement.Assign assign -> {
        Object value = evaluator.evaluate(assign.value(), scope);
        execution.at(assign.line());
        assign(assign.target(), value, scope);
      }
      case Statement.AssignBlock block -> {
        Object value = filtered(capture(block.body(), scope.child()), block.filters(), scope);
        execution.at(block.line());
        assign(block.target(), value, scope);
      }
      case Statement.MacroDefinition definition ->
          scope.set(definition.macro().name(), new Macro(definition.macro(), scope, this));
      case Statement.CallBlock block -> write(out, Values.text(execution, callBlock(block, scope)));
      case Statement.FilterBlock block ->
          write(
              out,
              Values.text(
                  execution,
                  filtered(capture(block.body(), scope.child()), block.filters(), scope)));
      case Statement.With with -> {
        return with(with, scope, out);
      }
      case Statement.Generation generation -> {
        return run(generation.body(), scope.child(), out);
      }
      case Statement.Break leave -> {
        return Exit.BREAK;
      }
      case Statement.Continue skip -> {
        return Exit.CONTINUE;
      }
    }
    return Exit.END;
  }

  private void write(TrackedText.Builder out, TrackedText text) {
    execution.checkText((long) out.length() + text.length());
    execution.chargeText(text.length());
    out.append(text);
  }

  private List<Statement> chosen(Statement.If conditional, Scope scope) {
    for (Statement.Branch branch : conditional.branches()) {
      if (evaluator.isTrue(evaluator.evaluate(branch.test(), scope))) {
        return branch.body();
      }
    }
    return conditional.otherwise();
  }

  private @Nullable Object filtered(
      @Nullable Object value, List<Expression.FilterStep> filters, Scope scope) {
    Object result = value;
    for (Expression.FilterStep filter : filters) {
      result = evaluator.filter(result, filter, scope);
    }
    return result;
  }

  private Exit with(Statement.With with, Scope scope, TrackedText.Builder out) {
    Scope inside = scope.child();
    for (int i = 0; i < with.targets().size(); i++) {
      Object value = evaluator.evaluate(with.values().get(i), scope);
      execution.at(with.line());
      assign(with.targets().get(i), value, inside);
    }
    return run(with.body(), inside, out);
  }

  private @Nullable Object callBlock(Statement.CallBlock block, Scope scope) {
    Arguments written = evaluator.arguments(block.call().arguments(), scope);
    Map<String, Object> keywords = new LinkedHashMap<>(written.keywords());
    keywords.put("caller", new Macro(block.caller(), scope, this));
    return evaluator.call(block.call(), new Arguments(written.positional(), keywords), scope);
  }

  private void loop(
      Statement.For syntax,
      @Nullable Object iterable,
      int depth,
      Scope scope,
      TrackedText.Builder out) {
    Iterator<Object> elements = Values.iterator(execution, iterable);
    Iterator<Object> chosen =
        syntax.filter() == null ? elements : new FilteredElements(syntax, elements, scope);
    Loop loop =
        new Loop(
            chosen,
            depth,
            syntax.recursive()
                ? (other, otherDepth) -> recursion(syntax, other, otherDepth, scope)
                : null);
    // As in Jinja2, a body left by 'continue' or 'break' does not count as run.
    boolean ran = false;
    while (loop.hasNext()) {
      execution.charge(1);
      Scope inside = scope.child();
      inside.set("loop", loop);
      Object element = loop.next();
      execution.at(syntax.line());
      assign(syntax.target(), element, inside);
      Exit exit = run(syntax.body(), inside, out);
      ran |= exit == Exit.END;
      if (exit == Exit.BREAK) {
        break;
      }
    }
    if (!ran) {
      run(syntax.otherwise(), scope.child(), out);
    }
  }

  private TrackedText recursion(
      Statement.For syntax, @Nullable Object iterable, int depth, Scope scope) {
    execution.enter();
    TrackedText.Builder out = new TrackedText.Builder();
    loop(syntax, iterable, depth, scope, out);
    execution.leave();
    return out.build();
  }

  private void assign(Target target, @Nullable Object value, Scope scope) {
    switch (target) {
      case Target.Variable variable -> scope.set(variable.name(), value);
      case Target.NamespaceAttribute attribute -> {
        if (!(scope.get(attribute.namespace()) instanceof Namespace namespace)) {
          throw execution.failure(
              "'"
                  + attribute.namespace()
                  + "' is no namespace, so '"
                  + attribute.attribute()
                  + "' of it cannot be set");
        }
        namespace.attributes().put(attribute.attribute(), value);
      }
      case Target.Unpacking unpacking -> {
        List<Object> values = Values.elements(execution, value);
        if (values.size() != unpacking.items().size()) {
          throw execution.failure(
              "expected " + unpacking.items().size() + " values to unpack, found " + values.size());
        }
        for (int i = 0; i < values.size(); i++) {
          assign(unpacking.items().get(i), values.get(i), scope);
        }
      }
    }
  }

  /** The elements that pass a loop's filter, each tested when it is asked for. */
  private final class FilteredElements implements Iterator<Object> {
    private final Statement.For syntax;
    private final Iterator<Object> source;
    private final Scope scope;
    private final List<Object> found = new ArrayList<>(1);

    FilteredElements(Statement.For syntax, Iterator<Object> source, Scope scope) {
      this.syntax = syntax;
      this.source = source;
      this.scope = scope;
    }

    @Override
    public boolean hasNext() {
      while (found.isEmpty() && source.hasNext()) {
        Object element = source.next();
        Scope inside = scope.child();
        execution.at(syntax.line());
        assign(syntax.target(), element, inside);
        if (evaluator.isTrue(evaluator.evaluate(syntax.filter(), inside))) {
          found.add(element);
        }
      }
      return !found.isEmpty();
    }

    @Override
    public Object next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return found.removeLast();
    }
  }
}
