package io.vquant.engine.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The texts of a grammar as states and bytes. A state is a set of stacks of what may follow; states
 * and steps are made when they are first met, so a step that was taken before is a look-up. Not
 * safe for two threads at once.
 */
final class GrammarAutomaton {
  /** No text of the grammar begins so. */
  static final int DEAD = -1;

  private static final int UNKNOWN = -2;

  /** A grammar whose alternatives cannot be told apart for longer than this is given up. */
  private static final int MAX_STACKS = 4096;

  private final Map<Stack, Stack> stacks = new HashMap<>();
  private final Map<Set<Stack>, Integer> ids = new HashMap<>();
  private final List<List<Stack>> states = new ArrayList<>();
  private final List<int[]> steps = new ArrayList<>();
  private final int start;

  /**
   * What follows: a rule, from its {@code progress}th part or repetition on, then the rest. The
   * empty stack is the end of the text. Each is there once, so identity is equality of the rest.
   */
  private static final class Stack {
    final @Nullable Rule rule;
    final int progress;
    final @Nullable Stack rest;

    Stack(@Nullable Rule rule, int progress, @Nullable Stack rest) {
      this.rule = rule;
      this.progress = progress;
      this.rest = rest;
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // rules by identity, stacks are there once
    public boolean equals(@Nullable Object other) {
      return other instanceof Stack stack
          && stack.rule == rule
          && stack.progress == progress
          && stack.rest == rest;
    }

    @Override
    public int hashCode() {
      return 31 * (31 * System.identityHashCode(rule) + progress) + System.identityHashCode(rest);
    }
  }

  private final Stack end = new Stack(null, 0, null);

  GrammarAutomaton(Rule grammar) {
    Set<Stack> first = new LinkedHashSet<>();
    expand(stack(grammar, 0, end), first);
    start = stateOf(first);
  }

  /** The state before any byte. */
  int start() {
    return start;
  }

  /** States met so far. */
  int stateCount() {
    return states.size();
  }

  /** The state after one more byte, or {@link #DEAD}. */
  int next(int state, int value) {
    int[] row = steps.get(state);
    if (row[value] == UNKNOWN) {
      row[value] = step(states.get(state), value);
    }
    return row[value];
  }

  /** Whether the text may end here. */
  boolean mayEnd(int state) {
    return states.get(state).contains(end);
  }

  private int step(List<Stack> state, int value) {
    Set<Stack> following = new LinkedHashSet<>();
    for (Stack stack : state) {
      if (stack.rule instanceof Rule.ByteOf bytes && bytes.contains(value)) {
        expand(rest(stack), following);
      }
    }
    return following.isEmpty() ? DEAD : stateOf(following);
  }

  private static Stack rest(Stack stack) {
    if (stack.rest == null) {
      throw new IllegalStateException("nothing follows the end");
    }
    return stack.rest;
  }

  private int stateOf(Set<Stack> set) {
    Integer known = ids.get(set);
    if (known != null) {
      return known;
    }
    int id = states.size();
    ids.put(Set.copyOf(set), id);
    states.add(List.copyOf(set));
    int[] row = new int[256];
    Arrays.fill(row, UNKNOWN);
    steps.add(row);
    return id;
  }

  private Stack stack(Rule rule, int progress, Stack rest) {
    return stacks.computeIfAbsent(new Stack(rule, progress, rest), added -> added);
  }

  /** Opens the top of a stack until bytes, or the end, are on top. */
  private void expand(Stack stack, Set<Stack> into) {
    if (into.size() > MAX_STACKS) {
      throw new IllegalStateException("the grammar is too ambiguous");
    }
    switch (stack.rule) {
      case null -> into.add(stack);
      case Rule.ByteOf _ -> into.add(stack);
      case Rule.Sequence sequence -> expandSequence(sequence, stack, into);
      case Rule.Choice choice -> {
        for (Rule part : choice.parts) {
          expand(stack(part, 0, rest(stack)), into);
        }
      }
      case Rule.Repetition repetition -> expandRepetition(repetition, stack, into);
      case Rule.Reference reference -> expand(stack(reference.target(), 0, rest(stack)), into);
    }
  }

  private void expandSequence(Rule.Sequence sequence, Stack stack, Set<Stack> into) {
    if (stack.progress == sequence.parts.size()) {
      expand(rest(stack), into);
      return;
    }
    boolean last = stack.progress == sequence.parts.size() - 1;
    Stack after = last ? rest(stack) : stack(sequence, stack.progress + 1, rest(stack));
    expand(stack(sequence.parts.get(stack.progress), 0, after), into);
  }

  private void expandRepetition(Rule.Repetition repetition, Stack stack, Set<Stack> into) {
    int done = stack.progress;
    if (done >= repetition.min) {
      expand(rest(stack), into);
    }
    if (repetition.max == Rule.UNBOUNDED) {
      Stack after = stack(repetition, Math.min(done + 1, repetition.min), rest(stack));
      expand(stack(repetition.part, 0, after), into);
    } else if (done < repetition.max) {
      expand(stack(repetition.part, 0, stack(repetition, done + 1, rest(stack))), into);
    }
  }
}
