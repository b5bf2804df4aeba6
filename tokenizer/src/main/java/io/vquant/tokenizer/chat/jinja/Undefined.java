package io.vquant.tokenizer.chat.jinja;

/**
 * What a missing name, attribute or item gives: prints nothing, is false and empty, and fails on
 * nearly all else, saying why it is missing.
 */
final class Undefined {
  private final String reason;

  private Undefined(String reason) {
    this.reason = reason;
  }

  static Undefined name(String name) {
    return new Undefined("'" + name + "' is undefined");
  }

  static Undefined attribute(Object object, String name) {
    return new Undefined(
        "'" + Values.typeName(object) + " object' has no attribute '" + name + "'");
  }

  static Undefined because(String reason) {
    return new Undefined(reason);
  }

  String reason() {
    return reason;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Undefined;
  }

  @Override
  public int hashCode() {
    return 1;
  }
}
