package io.vquant.engine.grammar;

import static io.vquant.engine.grammar.Rule.UNBOUNDED;
import static io.vquant.engine.grammar.Rule.anyOf;
import static io.vquant.engine.grammar.Rule.choice;
import static io.vquant.engine.grammar.Rule.literal;
import static io.vquant.engine.grammar.Rule.optional;
import static io.vquant.engine.grammar.Rule.range;
import static io.vquant.engine.grammar.Rule.sequence;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * JSON (RFC 8259) in UTF-8. Narrower than the standard where a model could otherwise go on for ever
 * within one value: between parts at most a blank, or a line break and an indentation; numbers of
 * up to 16 digits before and after the point.
 */
public final class JsonGrammar {
  private static final int MAX_INDENT = 32;
  private static final int MAX_DIGITS = 16;

  /** Nothing, one blank, or a line break and an indentation. */
  final Rule blanks =
      optional(
          choice(
              literal(" "),
              sequence(
                  optional(literal("\r")),
                  literal("\n"),
                  new Rule.Repetition(anyOf(" \t"), 0, MAX_INDENT))));

  final Rule digits = new Rule.Repetition(range('0', '9'), 1, MAX_DIGITS);
  final Rule integer =
      sequence(
          optional(literal("-")),
          choice(
              literal("0"),
              sequence(range('1', '9'), new Rule.Repetition(range('0', '9'), 0, MAX_DIGITS - 1))));
  final Rule number =
      sequence(
          integer,
          optional(sequence(literal("."), digits)),
          optional(
              sequence(
                  anyOf("eE"), optional(anyOf("+-")), new Rule.Repetition(range('0', '9'), 1, 2))));
  final Rule character = character();
  final Rule string = stringOf(0, UNBOUNDED);
  final Rule value;
  final Rule object;
  final Rule array;

  /** The rules of any JSON. */
  public JsonGrammar() {
    Rule.Reference any = new Rule.Reference();
    object = objectOf(any, 0, UNBOUNDED);
    array = arrayOf(any, 0, UNBOUNDED);
    value =
        choice(object, array, string, number, literal("true"), literal("false"), literal("null"));
    any.define(value);
  }

  /**
   * Keeps an answer an object.
   *
   * @param endTokens tokens that end an answer, at least one
   */
  public GrammarConstraint anyObject(TokenTable tokens, Set<Integer> endTokens) {
    return constraint(object, tokens, endTokens);
  }

  GrammarConstraint constraint(Rule rule, TokenTable tokens, Set<Integer> endTokens) {
    return new GrammarConstraint(sequence(blanks, rule), tokens, endTokens);
  }

  /** A string of so many characters (code points). */
  Rule stringOf(int min, int max) {
    return sequence(literal("\""), new Rule.Repetition(character, min, max), literal("\""));
  }

  /** A list of so many values. */
  Rule arrayOf(Rule item, int min, int max) {
    Rule spaced = sequence(item, blanks);
    return sequence(literal("["), blanks, separated(spaced, min, max), literal("]"));
  }

  /** An object with any names, so many of them. */
  Rule objectOf(Rule member, int min, int max) {
    Rule spaced = sequence(string, blanks, literal(":"), blanks, member, blanks);
    return sequence(literal("{"), blanks, separated(spaced, min, max), literal("}"));
  }

  private Rule separated(Rule part, int min, int max) {
    if (max == 0) {
      return new Rule.Sequence(List.of());
    }
    Rule more =
        new Rule.Repetition(
            sequence(literal(","), blanks, part),
            Math.max(0, min - 1),
            max == UNBOUNDED ? UNBOUNDED : max - 1);
    Rule all = sequence(part, more);
    return min == 0 ? optional(all) : all;
  }

  /** One code point inside quotes: itself, or an escape. */
  private static Rule character() {
    Rule tail = range(0x80, 0xbf);
    List<Rule> forms = new ArrayList<>();
    forms.add(range(0x20, 0x21));
    forms.add(range(0x23, 0x5b));
    forms.add(range(0x5d, 0x7f));
    forms.add(sequence(range(0xc2, 0xdf), tail));
    forms.add(sequence(range(0xe0, 0xe0), range(0xa0, 0xbf), tail));
    forms.add(sequence(range(0xe1, 0xec), tail, tail));
    forms.add(sequence(range(0xed, 0xed), range(0x80, 0x9f), tail));
    forms.add(sequence(range(0xee, 0xef), tail, tail));
    forms.add(sequence(range(0xf0, 0xf0), range(0x90, 0xbf), tail, tail));
    forms.add(sequence(range(0xf1, 0xf3), tail, tail, tail));
    forms.add(sequence(range(0xf4, 0xf4), range(0x80, 0x8f), tail, tail));
    forms.add(sequence(literal("\\"), anyOf("\"\\/bfnrt")));
    forms.add(sequence(literal("\\u"), escapedCharacter()));
    return new Rule.Choice(forms);
  }

  /** Four hexadecimal digits, or a whole surrogate pair. */
  private static Rule escapedCharacter() {
    Rule hex = anyOf("0123456789abcdefABCDEF");
    Rule single = sequence(anyOf("0123456789abcefABCEF"), hex, hex, hex);
    Rule below = sequence(anyOf("dD"), range('0', '7'), hex, hex);
    Rule high = sequence(anyOf("dD"), anyOf("89abAB"), hex, hex);
    Rule low = sequence(anyOf("dD"), anyOf("cdefCDEF"), hex, hex);
    return choice(single, below, sequence(high, literal("\\u"), low));
  }
}
