package io.vquant.engine.grammar;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** A part of a grammar: what bytes may stand at a place. Compared by identity. */
sealed interface Rule {
  /** For {@link Repetition}: any number of times. */
  int UNBOUNDED = -1;

  /** One byte out of some. */
  final class ByteOf implements Rule {
    private final BitSet bytes;

    ByteOf(BitSet bytes) {
      this.bytes = bytes;
    }

    boolean contains(int value) {
      return bytes.get(value);
    }
  }

  /** All parts, one after the other. */
  final class Sequence implements Rule {
    final List<Rule> parts;

    Sequence(List<Rule> parts) {
      this.parts = List.copyOf(parts);
    }
  }

  /** One of the parts. */
  final class Choice implements Rule {
    final List<Rule> parts;

    Choice(List<Rule> parts) {
      this.parts = List.copyOf(parts);
    }
  }

  /** A part so many times; it must not match nothing. */
  final class Repetition implements Rule {
    final Rule part;
    final int min;
    final int max;

    Repetition(Rule part, int min, int max) {
      this.part = part;
      this.min = min;
      this.max = max;
    }
  }

  /** A rule that is known later, so that rules may contain themselves. */
  final class Reference implements Rule {
    private final List<Rule> target = new ArrayList<>(1);

    /** Names the rule, once. */
    void define(Rule rule) {
      if (!target.isEmpty()) {
        throw new IllegalStateException("the rule is defined already");
      }
      target.add(rule);
    }

    Rule target() {
      return target.getFirst();
    }
  }

  static Rule sequence(Rule... parts) {
    return new Sequence(List.of(parts));
  }

  static Rule choice(Rule... parts) {
    return new Choice(List.of(parts));
  }

  static Rule optional(Rule part) {
    return new Repetition(part, 0, 1);
  }

  /** Bytes from {@code first} to {@code last}. */
  static Rule range(int first, int last) {
    BitSet bytes = new BitSet();
    bytes.set(first, last + 1);
    return new ByteOf(bytes);
  }

  /** One byte out of the characters of an ASCII text. */
  static Rule anyOf(String characters) {
    BitSet bytes = new BitSet();
    characters.chars().forEach(bytes::set);
    return new ByteOf(bytes);
  }

  /** Exactly this text. */
  static Rule literal(String text) {
    List<Rule> parts = new ArrayList<>();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      parts.add(range(b & 0xff, b & 0xff));
    }
    return new Sequence(parts);
  }
}
