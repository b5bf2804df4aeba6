package io.vquant.tokenizer.chat.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names and values, in front of those of the scope around. */
final class Scope {
  private final @Nullable Scope parent;
  private final Map<String, Object> values;

  Scope(@Nullable Scope parent, Map<String, Object> values) {
    this.parent = parent;
    this.values = values;
  }

  /** An empty scope inside this one. */
  Scope child() {
    return new Scope(this, new HashMap<>());
  }

  void set(String name, @Nullable Object value) {
    values.put(name, value);
  }

  /** The value, or an {@link Undefined} that knows the name. */
  @Nullable Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.parent) {
      Object value = scope.values.get(name);
      if (value != null || scope.values.containsKey(name)) {
        return value;
      }
    }
    return Undefined.name(name);
  }
}
