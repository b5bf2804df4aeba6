package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Splits a template into tokens as Jinja2's lexer does with {@code trim_blocks} and {@code
 * lstrip_blocks}: a tag takes the newline after it and, on a line of its own, the blanks before it;
 * {@code -} takes all whitespace on its side; {@code +} switches both off.
 */
final class Lexer {
  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int position;
  private int line = 1;
  private int countedUpTo;

  /**
   * Whether what the lexer consumed last ended with a newline, so that the next text starts a line.
   */
  private boolean atLineStart = true;

  Lexer(String source) {
    String normalized = source.replace("\r\n", "\n").replace('\r', '\n');
    this.source =
        normalized.endsWith("\n") ? normalized.substring(0, normalized.length() - 1) : normalized;
  }

  List<Token> tokens() {
    while (position < source.length()) {
      int tag = nextTag(position);
      if (tag < 0) {
        addText(source.substring(position));
        position = source.length();
      } else {
        tag(tag);
      }
    }
    tokens.add(new Token(Token.Kind.END, "", null, lineAt(position)));
    return tokens;
  }

  private int nextTag(int from) {
    for (int i = source.indexOf('{', from);
        i >= 0 && i + 1 < source.length();
        i = source.indexOf('{', i + 1)) {
      char next = source.charAt(i + 1);
      if (next == '{' || next == '%' || next == '#') {
        return i;
      }
    }
    return -1;
  }

  private void tag(int begin) {
    char kind = source.charAt(begin + 1);
    char sign = charAt(begin + 2);
    addText(textBefore(begin, sign, kind != '{'));
    position = begin + 2 + (sign == '-' || sign == '+' ? 1 : 0);
    atLineStart = false;
    switch (kind) {
      case '#' -> comment(begin);
      case '{' -> inside(begin, Token.Kind.OUTPUT_BEGIN, Token.Kind.OUTPUT_END);
      default -> {
        int afterRaw = afterWord(position, "raw");
        if (afterRaw >= 0) {
          raw(begin, afterRaw);
        } else {
          inside(begin, Token.Kind.BLOCK_BEGIN, Token.Kind.BLOCK_END);
        }
      }
    }
  }

  /** The text from the current position up to a tag, less what the tag takes of it. */
  private String textBefore(int end, char sign, boolean stripsBlanks) {
    int textEnd = end;
    if (sign == '-') {
      while (textEnd > position && PythonText.isSpace(source.charAt(textEnd - 1))) {
        textEnd--;
      }
    } else if (sign != '+' && stripsBlanks) {
      int blanks = end;
      while (blanks > position
          && source.charAt(blanks - 1) != '\n'
          && PythonText.isSpace(source.charAt(blanks - 1))) {
        blanks--;
      }
      boolean lineBegins = blanks > position ? source.charAt(blanks - 1) == '\n' : atLineStart;
      textEnd = lineBegins ? blanks : end;
    }
    return source.substring(position, textEnd);
  }

  private void comment(int begin) {
    // The sign of "{#-" must not be taken for that of "-#}".
    int close = source.indexOf("#}", position);
    if (close < 0) {
      throw new TemplateException(lineAt(begin), "the comment that starts here has no '#}'");
    }
    char sign = close > position ? source.charAt(close - 1) : ' ';
    afterTag(close + 2, sign, true);
  }

  /** Moves behind a closing delimiter and what it takes of the text after it. */
  private void afterTag(int end, char sign, boolean takesNewline) {
    position = end;
    if (sign == '-') {
      while (position < source.length() && PythonText.isSpace(source.charAt(position))) {
        position++;
      }
    } else if (takesNewline && sign != '+' && charAt(position) == '\n') {
      position++;
    }
    atLineStart = source.charAt(position - 1) == '\n';
  }

  /** The position behind {@code word} and blanks around it if a tag's end follows, else -1. */
  private int afterWord(int from, String word) {
    int i = afterSpaces(from);
    if (!source.startsWith(word, i)) {
      return -1;
    }
    i = afterSpaces(i + word.length());
    return source.startsWith("%}", i) || source.startsWith("-%}", i) || source.startsWith("+%}", i)
        ? i
        : -1;
  }

  private int afterSpaces(int from) {
    int i = from;
    while (i < source.length() && PythonText.isSpace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  private void raw(int begin, int signOrEnd) {
    char openSign = source.charAt(signOrEnd);
    afterTag(signOrEnd + (openSign == '%' ? 2 : 3), openSign, false);
    for (int i = source.indexOf("{%", position); i >= 0; i = source.indexOf("{%", i + 2)) {
      char sign = charAt(i + 2);
      int end = afterWord(i + 2 + (sign == '-' || sign == '+' ? 1 : 0), "endraw");
      if (end >= 0) {
        addText(textBefore(i, sign, true));
        char closeSign = source.charAt(end);
        afterTag(end + (closeSign == '%' ? 2 : 3), closeSign, true);
        return;
      }
    }
    throw new TemplateException(lineAt(begin), "'raw' has no 'endraw'");
  }

  private void inside(int begin, Token.Kind opening, Token.Kind closing) {
    boolean isBlock = closing == Token.Kind.BLOCK_END;
    String delimiter = isBlock ? "%}" : "}}";
    add(opening, source.substring(begin, begin + 2), null, begin);
    Deque<Character> brackets = new ArrayDeque<>();
    while (true) {
      position = afterSpaces(position);
      if (position >= source.length()) {
        throw new TemplateException(
            lineAt(begin), "the tag that starts here has no '" + delimiter + "'");
      }
      char c = source.charAt(position);
      boolean signed =
          (c == '-' || (c == '+' && isBlock)) && source.startsWith(delimiter, position + 1);
      if (brackets.isEmpty() && (signed || source.startsWith(delimiter, position))) {
        add(closing, delimiter, null, position);
        afterTag(position + (signed ? 3 : 2), signed ? c : ' ', isBlock);
        return;
      }
      token(c, brackets);
    }
  }

  private void token(char c, Deque<Character> brackets) {
    int begin = position;
    int codePoint = source.codePointAt(position);
    if (c == '\'' || c == '"') {
      StringLiteral literal = StringLiteral.read(source, begin, lineAt(begin));
      position = literal.end();
      add(Token.Kind.STRING, source.substring(begin, position), literal.value(), begin);
    } else if (c >= '0' && c <= '9') {
      boolean afterDot = begin > 0 && source.charAt(begin - 1) == '.';
      NumberLiteral literal = NumberLiteral.read(source, begin, !afterDot);
      position = literal.end();
      Token.Kind kind = literal.value() instanceof Double ? Token.Kind.FLOAT : Token.Kind.INTEGER;
      add(kind, source.substring(begin, position), literal.value(), begin);
    } else if (codePoint == '_' || Character.isUnicodeIdentifierStart(codePoint)) {
      while (position < source.length() && isNamePart(source.codePointAt(position))) {
        position += Character.charCount(source.codePointAt(position));
      }
      String name = source.substring(begin, position);
      add(Token.Kind.NAME, name, null, begin);
    } else {
      operator(c, brackets);
    }
  }

  private static boolean isNamePart(int codePoint) {
    return codePoint == '_'
        || (Character.isUnicodeIdentifierPart(codePoint)
            && !Character.isIdentifierIgnorable(codePoint));
  }

  private void operator(char c, Deque<Character> brackets) {
    String two = source.substring(position, Math.min(position + 2, source.length()));
    boolean isTwo =
        switch (two) {
          case "//", "**", "==", "!=", ">=", "<=" -> true;
          default -> false;
        };
    if (!isTwo && "+-/*%~[](){}><=.:|,;".indexOf(c) < 0) {
      throw new TemplateException(
          lineAt(position),
          "unexpected character '" + Character.toString(source.codePointAt(position)) + "'");
    }
    if ("([{".indexOf(c) >= 0) {
      brackets.push(c);
    } else if (")]}".indexOf(c) >= 0) {
      char expected = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (brackets.isEmpty() || brackets.pop() != expected) {
        throw new TemplateException(lineAt(position), "'" + c + "' closes no '" + expected + "'");
      }
    }
    String operator = isTwo ? two : String.valueOf(c);
    add(Token.Kind.OPERATOR, operator, null, position);
    position += operator.length();
  }

  private void addText(String text) {
    if (!text.isEmpty()) {
      add(Token.Kind.TEXT, text, TrackedText.trusted(text), position);
    }
  }

  private void add(Token.Kind kind, String text, Object value, int at) {
    tokens.add(new Token(kind, text, value, lineAt(at)));
  }

  /** Positions come in rising order but for short steps back, which count as the same line. */
  private int lineAt(int at) {
    for (; countedUpTo < Math.min(at, source.length()); countedUpTo++) {
      if (source.charAt(countedUpTo) == '\n') {
        line++;
      }
    }
    return line;
  }

  private char charAt(int at) {
    return at < source.length() ? source.charAt(at) : '\0';
  }
}
