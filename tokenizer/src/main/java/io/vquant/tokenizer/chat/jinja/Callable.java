package io.vquant.tokenizer.chat.jinja;

import org.jspecify.annotations.Nullable;

/** A value that can be called: a global function, a macro, a method bound to its object. */
@FunctionalInterface
interface Callable {
  @Nullable Object call(Execution execution, Arguments arguments);
}
