package io.vquant.tokenizer.chat.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * The variable {@code loop}. It looks ahead only as far as the template asks, so that a loop's
 * filter runs as late as in Jinja2.
 */
final class Loop implements Callable {
  private static final Set<String> ATTRIBUTES =
      Set.of(
          "index",
          "index0",
          "revindex",
          "revindex0",
          "first",
          "last",
          "length",
          "previtem",
          "nextitem",
          "depth",
          "depth0",
          "cycle",
          "changed");

  private final Iterator<Object> source;
  private final List<Object> ahead = new ArrayList<>();
  private int aheadBegin;
  private int numTaken;
  private @Nullable Object previous = Undefined.because("there is no previous item");
  private @Nullable Object current = previous;
  private @Nullable Object lastChanged;
  private final int depth;
  private final @Nullable BiFunction<Object, Integer, Object> recursion;

  /**
   * @param depth levels of recursion around this loop
   * @param recursion renders the loop's body over other elements at another depth; null if the loop
   *     is not recursive
   */
  Loop(
      Iterator<Object> source, int depth, @Nullable BiFunction<Object, Integer, Object> recursion) {
    this.source = source;
    this.depth = depth;
    this.recursion = recursion;
  }

  boolean hasNext() {
    return fetch(1);
  }

  /** Moves to the next element. */
  @Nullable Object next() {
    fetch(1);
    previous = current;
    current = ahead.get(aheadBegin);
    ahead.set(aheadBegin++, null);
    numTaken++;
    if (aheadBegin == ahead.size()) {
      ahead.clear();
      aheadBegin = 0;
    }
    return current;
  }

  private boolean fetch(int count) {
    while (ahead.size() - aheadBegin < count && source.hasNext()) {
      ahead.add(source.next());
    }
    return ahead.size() - aheadBegin >= count;
  }

  long length(Execution execution) {
    while (source.hasNext()) {
      ahead.add(source.next());
    }
    return (long) numTaken + ahead.size() - aheadBegin;
  }

  boolean hasAttribute(String name) {
    return ATTRIBUTES.contains(name);
  }

  @Nullable Object attribute(Execution execution, String name) {
    return switch (name) {
      case "index" -> (long) numTaken;
      case "index0" -> numTaken - 1L;
      case "revindex" -> length(execution) - numTaken + 1;
      case "revindex0" -> length(execution) - numTaken;
      case "first" -> numTaken == 1;
      case "last" -> !fetch(1);
      case "length" -> length(execution);
      case "previtem" -> previous;
      case "nextitem" ->
          fetch(1) ? ahead.get(aheadBegin) : Undefined.because("there is no next item");
      case "depth" -> depth + 1L;
      case "depth0" -> (long) depth;
      case "cycle" -> (Callable) this::cycle;
      case "changed" -> (Callable) this::changed;
      default -> Undefined.attribute(this, name);
    };
  }

  private Object cycle(Execution execution, Arguments arguments) {
    if (arguments.positional().isEmpty()) {
      throw execution.failure("loop.cycle() needs at least one value");
    }
    return arguments.positional().get((numTaken - 1) % arguments.positional().size());
  }

  private Object changed(Execution execution, Arguments arguments) {
    boolean same =
        lastChanged != null && Values.areEqual(execution, lastChanged, arguments.positional());
    lastChanged = arguments.positional();
    return !same;
  }

  @Override
  public Object call(Execution execution, Arguments arguments) {
    if (recursion == null) {
      throw execution.failure("loop() can only be called in a loop marked 'recursive'");
    }
    Object elements = arguments.bind(execution, "loop", 1, "iterable").get(0);
    return recursion.apply(elements, depth + 1);
  }
}
