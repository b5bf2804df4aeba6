package io.vquant.tokenizer.chat.jinja;

/**
 * A quoted string of the template, with Python's escapes.
 *
 * @param end the position behind the closing quote
 */
record StringLiteral(TrackedText value, int end) {
  private static final String SINGLE = "\\'\"abfnrtv";
  private static final String SINGLE_VALUES = "\\'\"\u0007\b\f\n\r\t\u000b";

  static StringLiteral read(String source, int begin, int line) {
    char quote = source.charAt(begin);
    StringBuilder value = new StringBuilder();
    int i = begin + 1;
    while (i < source.length() && source.charAt(i) != quote) {
      if (source.charAt(i) != '\\' || i + 1 >= source.length()) {
        value.append(source.charAt(i++));
      } else {
        i = escape(source, i + 1, value, line);
      }
    }
    if (i >= source.length()) {
      throw new TemplateException(line, "the string that starts here has no closing " + quote);
    }
    return new StringLiteral(TrackedText.trusted(value.toString()), i + 1);
  }

  /** Reads what follows a backslash; returns the position behind it. */
  private static int escape(String source, int at, StringBuilder value, int line) {
    char c = source.charAt(at);
    int single = SINGLE.indexOf(c);
    if (single >= 0) {
      value.append(SINGLE_VALUES.charAt(single));
      return at + 1;
    }
    return switch (c) {
      case '\n' -> at + 1;
      case 'x' -> hex(source, at, 2, value, line);
      case 'u' -> hex(source, at, 4, value, line);
      case 'U' -> hex(source, at, 8, value, line);
      case 'N' -> named(source, at, value, line);
      case '0', '1', '2', '3', '4', '5', '6', '7' -> {
        int end = at;
        int code = 0;
        while (end < at + 3
            && end < source.length()
            && source.charAt(end) >= '0'
            && source.charAt(end) <= '7') {
          code = 8 * code + source.charAt(end++) - '0';
        }
        value.append((char) code);
        yield end;
      }
      default -> {
        value.append('\\').append(c);
        yield at + 1;
      }
    };
  }

  /** A character by its name in Unicode: {@code \\N{EM DASH}}. */
  private static int named(String source, int at, StringBuilder value, int line) {
    int close = source.startsWith("{", at + 1) ? source.indexOf('}', at) : -1;
    if (close < 0) {
      throw new TemplateException(line, "\\N needs a character's name in braces");
    }
    String name = source.substring(at + 2, close);
    try {
      value.appendCodePoint(Character.codePointOf(name));
    } catch (IllegalArgumentException e) {
      throw new TemplateException(line, "\\N{" + name + "}: Unicode has no such character");
    }
    return close + 1;
  }

  private static int hex(String source, int at, int numDigits, StringBuilder value, int line) {
    long code = 0;
    for (int i = at + 1; i <= at + numDigits; i++) {
      char c = i < source.length() ? source.charAt(i) : ' ';
      int digit = c < 128 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        throw new TemplateException(
            line, "\\" + source.charAt(at) + " needs " + numDigits + " hexadecimal digits");
      }
      code = 16 * code + digit;
    }
    if (code > Character.MAX_CODE_POINT) {
      throw new TemplateException(line, "\\U escape beyond 0010ffff");
    }
    value.appendCodePoint((int) code);
    return at + numDigits + 1;
  }
}
