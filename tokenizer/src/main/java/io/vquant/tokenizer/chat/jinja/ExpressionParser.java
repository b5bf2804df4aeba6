package io.vquant.tokenizer.chat.jinja;

import io.vquant.tokenizer.chat.jinja.Expression.And;
import io.vquant.tokenizer.chat.jinja.Expression.Arithmetic;
import io.vquant.tokenizer.chat.jinja.Expression.Comparison;
import io.vquant.tokenizer.chat.jinja.Expression.Concatenation;
import io.vquant.tokenizer.chat.jinja.Expression.Conditional;
import io.vquant.tokenizer.chat.jinja.Expression.Link;
import io.vquant.tokenizer.chat.jinja.Expression.Not;
import io.vquant.tokenizer.chat.jinja.Expression.Or;
import io.vquant.tokenizer.chat.jinja.Expression.TupleDisplay;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Jinja2's operators, from the loosest to the tightest; {@link PostfixParser} reads what stands
 * between them.
 */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final List<Set<String>> BINARY_LEVELS =
      List.of(Set.of("+", "-"), Set.of("*", "/", "//", "%"), Set.of("**"));

  private final TokenStream tokens;
  private final PostfixParser postfix;

  ExpressionParser(TokenStream tokens) {
    this.tokens = tokens;
    this.postfix = new PostfixParser(tokens, this);
  }

  PostfixParser postfix() {
    return postfix;
  }

  Expression expression() {
    tokens.enter();
    Expression value = or();
    while (tokens.current().isName("if")) {
      int line = tokens.next().line();
      Expression test = or();
      Expression otherwise = tokens.skipName("else") ? expression() : null;
      value = new Conditional(test, value, otherwise, line);
    }
    tokens.leave();
    return value;
  }

  /** An expression, or a tuple without parentheses. */
  Expression expressionOrTuple() {
    return tuple(true, false);
  }

  /** The same where a following {@code if} belongs to the statement. */
  Expression unconditionalOrTuple() {
    return tuple(false, false);
  }

  /**
   * @param parenthesized whether it stands in parentheses, so that it may be empty
   */
  Expression tuple(boolean conditional, boolean parenthesized) {
    List<Expression> items = new ArrayList<>();
    boolean isTuple = false;
    while (!atTupleEnd(isTuple)) {
      items.add(conditional ? expression() : nestedOr());
      if (!tokens.skipOperator(",")) {
        break;
      }
      isTuple = true;
    }
    if (!isTuple && items.size() == 1) {
      return items.getFirst();
    }
    if (items.isEmpty() && !parenthesized) {
      throw tokens.unexpected("an expression");
    }
    return new TupleDisplay(items);
  }

  private boolean atTupleEnd(boolean behindComma) {
    Token token = tokens.current();
    return token.kind() == Token.Kind.OUTPUT_END
        || token.kind() == Token.Kind.BLOCK_END
        || token.isOperator(")")
        || (behindComma && token.isName("recursive"));
  }

  private Expression nestedOr() {
    tokens.enter();
    Expression value = or();
    tokens.leave();
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (tokens.skipName("or")) {
      left = new Or(left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (tokens.skipName("and")) {
      left = new And(left, not());
    }
    return left;
  }

  private Expression not() {
    if (!tokens.skipName("not")) {
      return comparison();
    }
    tokens.enter();
    Expression operand = not();
    tokens.leave();
    return new Not(operand);
  }

  private Expression comparison() {
    Expression first = binary(0);
    List<Link> links = new ArrayList<>();
    int line = tokens.line();
    while (true) {
      Token token = tokens.current();
      if ((token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text()))
          || token.isName("in")) {
        tokens.next();
        links.add(new Link(token.text(), binary(0)));
      } else if (token.isName("not") && tokens.following().isName("in")) {
        tokens.next();
        tokens.next();
        links.add(new Link("not in", binary(0)));
      } else {
        return links.isEmpty() ? first : new Comparison(first, links, line);
      }
    }
  }

  /** Level 0 is the sum, whose operands are concatenations; then product, power, signed value. */
  private Expression binary(int level) {
    Expression left = operandOf(level);
    while (tokens.current().kind() == Token.Kind.OPERATOR
        && BINARY_LEVELS.get(level).contains(tokens.current().text())) {
      Token operator = tokens.next();
      left = new Arithmetic(operator.text(), left, operandOf(level), operator.line());
    }
    return left;
  }

  private Expression operandOf(int level) {
    return switch (level) {
      case 0 -> concatenation();
      case 1 -> binary(2);
      default -> postfix.unary();
    };
  }

  private Expression concatenation() {
    int line = tokens.line();
    Expression first = binary(1);
    if (!tokens.current().isOperator("~")) {
      return first;
    }
    List<Expression> parts = new ArrayList<>(List.of(first));
    while (tokens.skipOperator("~")) {
      parts.add(binary(1));
    }
    return new Concatenation(parts, line);
  }
}
