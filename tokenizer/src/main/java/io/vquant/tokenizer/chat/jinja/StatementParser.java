package io.vquant.tokenizer.chat.jinja;

import io.vquant.tokenizer.chat.jinja.Expression.FilterStep;
import io.vquant.tokenizer.chat.jinja.Statement.Branch;
import io.vquant.tokenizer.chat.jinja.Statement.MacroSyntax;
import io.vquant.tokenizer.chat.jinja.Statement.Target;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The tags. */
final class StatementParser {
  private final TokenStream tokens;
  private final ExpressionParser expressions;
  private final PostfixParser postfix;
  private int loopDepth;

  StatementParser(TokenStream tokens) {
    this.tokens = tokens;
    this.expressions = new ExpressionParser(tokens);
    this.postfix = expressions.postfix();
  }

  List<Statement> template() {
    List<Statement> body = statementsUntil(Set.of());
    if (tokens.current().kind() != Token.Kind.END) {
      throw tokens.unexpected("the end of the template");
    }
    return body;
  }

  /**
   * Reads up to the tag of one of these names and stops before the name; with no names, up to the
   * end.
   */
  private List<Statement> statementsUntil(Set<String> ends) {
    int line = tokens.previousLine();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = tokens.next();
      switch (token.kind()) {
        case TEXT -> statements.add(new Statement.Text((TrackedText) token.value()));
        case OUTPUT_BEGIN -> {
          statements.add(new Statement.Output(expressions.expressionOrTuple(), token.line()));
          tokens.expect(Token.Kind.OUTPUT_END, "'}}'");
        }
        case BLOCK_BEGIN -> {
          if (tokens.current().kind() == Token.Kind.NAME
              && ends.contains(tokens.current().text())) {
            return statements;
          }
          tokens.enter();
          statements.add(statement());
          tokens.leave();
          tokens.expect(Token.Kind.BLOCK_END, "'%}'");
        }
        default -> {
          if (!ends.isEmpty()) {
            throw new TemplateException(
                line,
                "the block that starts here has no "
                    + String.join(" or ", ends.stream().sorted().toList()));
          }
          return statements;
        }
      }
    }
  }

  /** Reads a body with the closing tag's name; the caller's caller expects the end of that tag. */
  private List<Statement> bodyUntil(String end) {
    tokens.expect(Token.Kind.BLOCK_END, "'%}'");
    List<Statement> body = statementsUntil(Set.of(end));
    tokens.next();
    return body;
  }

  private Statement statement() {
    Token tag = tokens.current();
    String name = tokens.expectAnyName();
    return switch (name) {
      case "if" -> conditional();
      case "for" -> loop(tag.line());
      case "set" -> assignment(tag.line());
      case "macro" ->
          new Statement.MacroDefinition(macro(tokens.expectAnyName(), "endmacro", tag.line()));
      case "call" -> call(tag.line());
      case "filter" -> {
        List<FilterStep> filters = new ArrayList<>(List.of(postfix.filterStep()));
        moreFilters(filters);
        yield new Statement.FilterBlock(filters, bodyUntil("endfilter"));
      }
      case "with" -> with(tag.line());
      case "generation" -> new Statement.Generation(bodyOutsideLoops("endgeneration"));
      case "break", "continue" -> {
        if (loopDepth == 0) {
          throw new TemplateException(tag.line(), "'" + name + "' stands in no loop");
        }
        yield name.equals("break") ? new Statement.Break() : new Statement.Continue();
      }
      case "include", "import", "from", "extends", "block" ->
          throw new TemplateException(
              tag.line(),
              "'" + name + "' is not supported: a chat template is one file without inheritance");
      default ->
          throw new TemplateException(
              tag.line(),
              "expected a tag of a chat template (if, for, set, macro, ...), found '" + name + "'");
    };
  }

  private Statement conditional() {
    List<Branch> branches = new ArrayList<>();
    List<Statement> otherwise = List.of();
    Set<String> ends = Set.of("elif", "else", "endif");
    String end = "elif";
    while (end.equals("elif")) {
      Expression test = expressions.unconditionalOrTuple();
      tokens.expect(Token.Kind.BLOCK_END, "'%}'");
      branches.add(new Branch(test, statementsUntil(ends)));
      end = tokens.next().text();
    }
    if (end.equals("else")) {
      otherwise = bodyUntil("endif");
    }
    return new Statement.If(branches, otherwise);
  }

  private Statement loop(int line) {
    Target target = target(false);
    tokens.expectName("in");
    Expression iterable = expressions.unconditionalOrTuple();
    Expression filter = tokens.skipName("if") ? expressions.expression() : null;
    boolean recursive = tokens.skipName("recursive");
    tokens.expect(Token.Kind.BLOCK_END, "'%}'");
    loopDepth++;
    List<Statement> body = statementsUntil(Set.of("else", "endfor"));
    loopDepth--;
    List<Statement> otherwise =
        tokens.next().text().equals("else") ? bodyUntil("endfor") : List.of();
    return new Statement.For(target, iterable, filter, body, otherwise, recursive, line);
  }

  private Statement assignment(int line) {
    Target target = target(true);
    if (tokens.skipOperator("=")) {
      return new Statement.Assign(target, expressions.expressionOrTuple(), line);
    }
    List<FilterStep> filters = new ArrayList<>();
    moreFilters(filters);
    return new Statement.AssignBlock(target, filters, bodyUntil("endset"), line);
  }

  private void moreFilters(List<FilterStep> filters) {
    while (tokens.skipOperator("|")) {
      filters.add(postfix.filterStep());
    }
  }

  /** One or more targets with commas between them. */
  private Target target(boolean mayBeNamespace) {
    List<Target> items = new ArrayList<>(List.of(singleTarget(mayBeNamespace)));
    boolean isTuple = false;
    while (tokens.skipOperator(",")) {
      isTuple = true;
      if ((tokens.current().kind() != Token.Kind.NAME && !tokens.current().isOperator("("))
          || tokens.current().isName("in")) {
        break;
      }
      items.add(singleTarget(mayBeNamespace));
    }
    return isTuple ? new Target.Unpacking(items) : items.getFirst();
  }

  private Target singleTarget(boolean mayBeNamespace) {
    if (tokens.skipOperator("(")) {
      tokens.enter();
      Target inner = target(mayBeNamespace);
      tokens.leave();
      tokens.expectOperator(")");
      return inner;
    }
    int line = tokens.line();
    String name = tokens.expectAnyName();
    if (Set.of("true", "True", "false", "False", "none", "None").contains(name)) {
      throw new TemplateException(
          line, "expected a name to assign to, found the constant '" + name + "'");
    }
    if (mayBeNamespace && tokens.skipOperator(".")) {
      return new Target.NamespaceAttribute(name, tokens.expectAnyName());
    }
    return new Target.Variable(name);
  }

  private Statement with(int line) {
    List<Target> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (tokens.current().kind() != Token.Kind.BLOCK_END) {
      if (!targets.isEmpty()) {
        tokens.expectOperator(",");
      }
      targets.add(singleTarget(false));
      tokens.expectOperator("=");
      values.add(expressions.expression());
    }
    return new Statement.With(targets, values, bodyUntil("endwith"), line);
  }

  private Statement call(int line) {
    MacroHead head =
        tokens.current().isOperator("(") ? macroHead() : new MacroHead(List.of(), List.of());
    if (!(expressions.expression() instanceof Expression.Call call)) {
      throw new TemplateException(line, "expected a call after 'call'");
    }
    return new Statement.CallBlock(call, macroBody("caller", head, "endcall", line));
  }

  private MacroSyntax macro(String name, String end, int line) {
    return macroBody(name, macroHead(), end, line);
  }

  private record MacroHead(List<String> parameters, List<Expression> defaults) {}

  private MacroHead macroHead() {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    tokens.expectOperator("(");
    while (!tokens.skipOperator(")")) {
      if (!parameters.isEmpty()) {
        tokens.expectOperator(",");
      }
      int line = tokens.line();
      parameters.add(tokens.expectAnyName());
      if (tokens.skipOperator("=")) {
        defaults.add(expressions.expression());
      } else if (!defaults.isEmpty()) {
        throw new TemplateException(
            line,
            "expected a default for '"
                + parameters.getLast()
                + "', which follows a parameter that has one");
      }
    }
    return new MacroHead(parameters, defaults);
  }

  private MacroSyntax macroBody(String name, MacroHead head, String end, int line) {
    Set<String> outerNames = postfix.namesRead();
    Set<String> names = new HashSet<>();
    postfix.setNamesRead(names);
    List<Statement> body = bodyOutsideLoops(end);
    outerNames.addAll(names);
    postfix.setNamesRead(outerNames);
    return new MacroSyntax(
        name,
        head.parameters(),
        head.defaults(),
        body,
        names.contains("caller"),
        names.contains("varargs"),
        names.contains("kwargs"),
        line);
  }

  /** A body that a loop around it cannot be left from. */
  private List<Statement> bodyOutsideLoops(String end) {
    int outerLoops = loopDepth;
    loopDepth = 0;
    List<Statement> body = bodyUntil(end);
    loopDepth = outerLoops;
    return body;
  }
}
