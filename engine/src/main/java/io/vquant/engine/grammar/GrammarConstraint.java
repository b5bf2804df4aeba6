package io.vquant.engine.grammar;

import io.vquant.engine.sampling.Candidates;
import io.vquant.engine.sampling.LogitsProcessor;
import io.vquant.engine.sampling.TokenHistory;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Keeps one answer in a grammar: forbids every token that no text of the grammar goes on with, and
 * allows the end only where the text is complete. Follows the tokens of one sequence.
 */
public final class GrammarConstraint implements LogitsProcessor {
  /** States take memory; with more than this the automaton begins anew where it stands. */
  private static final int MAX_STATES = 4096;

  private final Rule grammar;
  private final TokenTable tokens;
  private final Set<Integer> endTokens;
  private final Map<Integer, BitSet> masks = new HashMap<>();
  private GrammarAutomaton automaton;
  private int state;
  private int position = -1;
  private int firstPosition;

  GrammarConstraint(Rule grammar, TokenTable tokens, Set<Integer> endTokens) {
    this.grammar = grammar;
    this.tokens = tokens;
    this.endTokens = Set.copyOf(endTokens);
    automaton = new GrammarAutomaton(grammar);
    state = automaton.start();
  }

  @Override
  public void process(Candidates candidates, TokenHistory history) {
    if (position < 0) {
      firstPosition = history.length();
      position = firstPosition;
    }
    while (position < history.length()) {
      follow(history.tokenId(position++));
    }
    if (automaton.stateCount() > MAX_STATES) {
      restart(history);
    }
    BitSet allowed = masks.computeIfAbsent(state, s -> tokens.allowed(automaton, s));
    boolean mayEnd = automaton.mayEnd(state);
    for (int i = 0; i < candidates.size(); i++) {
      int token = candidates.tokenId(i);
      boolean fits = endTokens.contains(token) ? mayEnd : allowed.get(token);
      if (!fits) {
        candidates.setLogit(i, Float.NEGATIVE_INFINITY);
      }
    }
  }

  private void follow(int token) {
    byte[] bytes = tokens.bytes(token);
    if (bytes == null) {
      throw new IllegalStateException("token " + token + " is no text and not the end");
    }
    for (byte b : bytes) {
      state = automaton.next(state, b & 0xff);
      if (state == GrammarAutomaton.DEAD) {
        throw new IllegalStateException("token " + token + " does not fit the grammar");
      }
    }
  }

  /** Walks the answer again, which meets only the states along its way. */
  private void restart(TokenHistory history) {
    automaton = new GrammarAutomaton(grammar);
    masks.clear();
    state = automaton.start();
    for (int i = firstPosition; i < history.length(); i++) {
      follow(history.tokenId(i));
    }
  }
}
