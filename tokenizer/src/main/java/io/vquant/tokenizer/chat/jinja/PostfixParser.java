package io.vquant.tokenizer.chat.jinja;

import io.vquant.tokenizer.chat.jinja.Expression.ArgumentList;
import io.vquant.tokenizer.chat.jinja.Expression.Attribute;
import io.vquant.tokenizer.chat.jinja.Expression.Call;
import io.vquant.tokenizer.chat.jinja.Expression.DictDisplay;
import io.vquant.tokenizer.chat.jinja.Expression.FilterStep;
import io.vquant.tokenizer.chat.jinja.Expression.Filtering;
import io.vquant.tokenizer.chat.jinja.Expression.Item;
import io.vquant.tokenizer.chat.jinja.Expression.Keyword;
import io.vquant.tokenizer.chat.jinja.Expression.ListDisplay;
import io.vquant.tokenizer.chat.jinja.Expression.Literal;
import io.vquant.tokenizer.chat.jinja.Expression.Name;
import io.vquant.tokenizer.chat.jinja.Expression.Sign;
import io.vquant.tokenizer.chat.jinja.Expression.Slicing;
import io.vquant.tokenizer.chat.jinja.Expression.Testing;
import io.vquant.tokenizer.chat.jinja.Expression.TupleDisplay;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Names, literals and displays, and what follows them: subscripts, calls, filters, tests. */
final class PostfixParser {
  private final TokenStream tokens;
  private final ExpressionParser expressions;

  /** All names read so far, for a macro that must know whether it uses {@code caller}. */
  private Set<String> namesRead = new HashSet<>();

  PostfixParser(TokenStream tokens, ExpressionParser expressions) {
    this.tokens = tokens;
    this.expressions = expressions;
  }

  Set<String> namesRead() {
    return namesRead;
  }

  void setNamesRead(Set<String> names) {
    namesRead = names;
  }

  /** A signed value with all that follows it. */
  Expression unary() {
    return filtered(signed());
  }

  private Expression signed() {
    Token token = tokens.current();
    if (token.isOperator("-") || token.isOperator("+")) {
      tokens.next();
      tokens.enter();
      Expression operand = signed();
      tokens.leave();
      return subscripted(new Sign(token.text().equals("-"), operand, token.line()));
    }
    return subscripted(primary());
  }

  Expression primary() {
    Token token = tokens.next();
    return switch (token.kind()) {
      case NAME -> named(token);
      case STRING -> string(token);
      case INTEGER, FLOAT -> new Literal(token.value());
      case OPERATOR -> display(token);
      default ->
          throw new TemplateException(
              token.line(), "expected an expression, found " + token.shown());
    };
  }

  private Expression named(Token token) {
    return switch (token.text()) {
      case "true", "True" -> new Literal(true);
      case "false", "False" -> new Literal(false);
      case "none", "None" -> new Literal(null);
      default -> {
        namesRead.add(token.text());
        yield new Name(token.text(), token.line());
      }
    };
  }

  /** Strings side by side are one. */
  private Expression string(Token first) {
    if (tokens.current().kind() != Token.Kind.STRING) {
      return new Literal(first.value());
    }
    StringBuilder all = new StringBuilder(String.valueOf(first.value()));
    while (tokens.current().kind() == Token.Kind.STRING) {
      all.append(tokens.next().value());
    }
    return new Literal(TrackedText.trusted(all.toString()));
  }

  private Expression display(Token opening) {
    tokens.enter();
    Expression value =
        switch (opening.text()) {
          case "(" -> {
            Expression inner = expressions.tuple(true, true);
            tokens.expectOperator(")");
            yield inner;
          }
          case "[" -> new ListDisplay(list());
          case "{" -> dict(opening.line());
          default ->
              throw new TemplateException(
                  opening.line(), "expected an expression, found " + opening.shown());
        };
    tokens.leave();
    return value;
  }

  private List<Expression> list() {
    List<Expression> items = new ArrayList<>();
    while (!tokens.skipOperator("]")) {
      separate(items.isEmpty());
      if (!tokens.current().isOperator("]")) {
        items.add(expressions.expression());
      }
    }
    return items;
  }

  private void separate(boolean isFirst) {
    if (!isFirst) {
      tokens.expectOperator(",");
    }
  }

  private Expression dict(int line) {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!tokens.skipOperator("}")) {
      separate(keys.isEmpty());
      if (!tokens.current().isOperator("}")) {
        keys.add(expressions.expression());
        tokens.expectOperator(":");
        values.add(expressions.expression());
      }
    }
    return new DictDisplay(keys, values, line);
  }

  /** {@code value} with the subscripts and calls that follow. */
  Expression subscripted(Expression value) {
    Expression result = value;
    while (true) {
      Token token = tokens.current();
      if (token.isOperator(".")) {
        result = dotted(result);
      } else if (token.isOperator("[")) {
        result = bracketed(result);
      } else if (token.isOperator("(")) {
        result = new Call(result, arguments(), token.line());
      } else {
        return result;
      }
    }
  }

  private Expression dotted(Expression object) {
    tokens.next();
    Token name = tokens.next();
    return switch (name.kind()) {
      case NAME -> new Attribute(object, name.text(), name.line());
      case INTEGER -> new Item(object, new Literal(name.value()), name.line());
      default ->
          throw new TemplateException(
              name.line(), "expected a name or an index after '.', found " + name.shown());
    };
  }

  private Expression bracketed(Expression object) {
    int line = tokens.next().line();
    tokens.enter();
    Expression start = tokens.current().isOperator(":") ? null : expressions.expression();
    Expression result;
    if (tokens.skipOperator(":")) {
      Expression stop = sliceBound();
      Expression step = tokens.skipOperator(":") ? sliceBound() : null;
      result = new Slicing(object, start, stop, step, line);
    } else if (tokens.current().isOperator(",")) {
      List<Expression> keys = new ArrayList<>(List.of(start));
      while (tokens.skipOperator(",")) {
        keys.add(expressions.expression());
      }
      result = new Item(object, new TupleDisplay(keys), line);
    } else {
      result = new Item(object, start, line);
    }
    tokens.expectOperator("]");
    tokens.leave();
    return result;
  }

  private Expression sliceBound() {
    Token token = tokens.current();
    return token.isOperator(":") || token.isOperator("]") ? null : expressions.expression();
  }

  private Expression filtered(Expression value) {
    Expression result = value;
    while (true) {
      Token token = tokens.current();
      if (token.isOperator("|")) {
        tokens.next();
        result = new Filtering(result, filterStep());
      } else if (token.isName("is")) {
        result = test(result);
      } else if (token.isOperator("(")) {
        result = new Call(result, arguments(), token.line());
      } else {
        return result;
      }
    }
  }

  /** {@code name(arguments)}, behind a bar. */
  FilterStep filterStep() {
    int line = tokens.line();
    String name = dottedName();
    return new FilterStep(
        name, tokens.current().isOperator("(") ? arguments() : ArgumentList.NONE, line);
  }

  private String dottedName() {
    StringBuilder name = new StringBuilder(tokens.expectAnyName());
    while (tokens.skipOperator(".")) {
      name.append('.').append(tokens.expectAnyName());
    }
    return name.toString();
  }

  private Expression test(Expression operand) {
    int line = tokens.next().line();
    boolean negated = tokens.skipName("not");
    String name = dottedName();
    ArgumentList arguments = ArgumentList.NONE;
    if (tokens.current().isOperator("(")) {
      arguments = arguments();
    } else if (startsTestArgument(tokens.current())) {
      if (tokens.current().isName("is")) {
        throw new TemplateException(
            line, "expected the end of the test '" + name + "', found a second 'is'");
      }
      tokens.enter();
      arguments = new ArgumentList(List.of(subscripted(primary())), List.of(), null, null);
      tokens.leave();
    }
    return new Testing(operand, name, arguments, negated, line);
  }

  private static boolean startsTestArgument(Token token) {
    return switch (token.kind()) {
      case STRING, INTEGER, FLOAT -> true;
      case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
      case OPERATOR -> token.isOperator("(") || token.isOperator("[") || token.isOperator("{");
      default -> false;
    };
  }

  ArgumentList arguments() {
    tokens.expectOperator("(");
    tokens.enter();
    List<Expression> positional = new ArrayList<>();
    List<Keyword> keywords = new ArrayList<>();
    Expression spread = null;
    Expression keywordSpread = null;
    boolean isFirst = true;
    while (!tokens.skipOperator(")")) {
      separate(isFirst);
      isFirst = false;
      if (tokens.current().isOperator(")")) {
        continue;
      }
      int line = tokens.line();
      boolean inOrder = true;
      if (tokens.skipOperator("*")) {
        inOrder = spread == null && keywordSpread == null;
        spread = expressions.expression();
      } else if (tokens.skipOperator("**")) {
        inOrder = keywordSpread == null;
        keywordSpread = expressions.expression();
      } else if (tokens.current().kind() == Token.Kind.NAME && tokens.following().isOperator("=")) {
        inOrder = keywordSpread == null;
        String name = tokens.next().text();
        tokens.next();
        keywords.add(new Keyword(name, expressions.expression()));
      } else {
        inOrder = spread == null && keywordSpread == null && keywords.isEmpty();
        positional.add(expressions.expression());
      }
      if (!inOrder) {
        throw new TemplateException(
            line, "expected positional arguments before keywords, each spread once");
      }
    }
    tokens.leave();
    return new ArgumentList(positional, keywords, spread, keywordSpread);
  }
}
