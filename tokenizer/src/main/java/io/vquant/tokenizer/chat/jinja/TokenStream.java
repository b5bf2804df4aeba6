package io.vquant.tokenizer.chat.jinja;

import java.util.List;

/** The parser's place in the tokens, and how deep it is in nested syntax. */
final class TokenStream {
  private final List<Token> tokens;
  private final int maxDepth;
  private int position;
  private int depth;

  TokenStream(List<Token> tokens, int maxDepth) {
    this.tokens = tokens;
    this.maxDepth = maxDepth;
  }

  Token current() {
    return tokens.get(position);
  }

  Token following() {
    return tokens.get(Math.min(position + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = current();
    if (token.kind() != Token.Kind.END) {
      position++;
    }
    return token;
  }

  /** The line of the token before the current one. */
  int previousLine() {
    return tokens.get(Math.max(position - 1, 0)).line();
  }

  int line() {
    return current().line();
  }

  boolean skipName(String name) {
    boolean found = current().isName(name);
    if (found) {
      next();
    }
    return found;
  }

  boolean skipOperator(String operator) {
    boolean found = current().isOperator(operator);
    if (found) {
      next();
    }
    return found;
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("'" + name + "'");
    }
  }

  String expectAnyName() {
    if (current().kind() != Token.Kind.NAME) {
      throw unexpected("a name");
    }
    return next().text();
  }

  void expect(Token.Kind kind, String shown) {
    if (current().kind() != kind) {
      throw unexpected(shown);
    }
    next();
  }

  TemplateException unexpected(String expected) {
    return new TemplateException(line(), "expected " + expected + ", found " + current().shown());
  }

  /** To be paired with {@link #leave()} around each level of nested syntax. */
  void enter() {
    if (++depth > maxDepth) {
      throw new TemplateLimitException(
          line(), "syntax nested more than " + maxDepth + " levels deep");
    }
  }

  void leave() {
    depth--;
  }
}
