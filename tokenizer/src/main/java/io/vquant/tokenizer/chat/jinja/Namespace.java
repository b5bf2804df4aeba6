package io.vquant.tokenizer.chat.jinja;

import java.util.Map;

/** The one object that a template can change: {@code set ns.x = ...}. */
record Namespace(Map<String, Object> attributes) {
  // Identity, as of Python's objects; it also keeps a namespace that holds itself from endless
  // recursion.
  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
