package io.vquant.engine.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a vocabulary's tokens in alphabetical order, so that tokens share their beginnings.
 */
public final class TokenTable {
  private final List<byte[]> sorted = new ArrayList<>();
  private final int[] tokenIds;
  private final int[] common;
  private final byte[] @Nullable [] byId;

  /**
   * A table.
   *
   * @param tokenBytes by token id; null for tokens that are no text, such as control tokens
   */
  public TokenTable(List<byte @Nullable []> tokenBytes) {
    List<Integer> ids = new ArrayList<>();
    byId = new byte[tokenBytes.size()][];
    for (int id = 0; id < tokenBytes.size(); id++) {
      byte[] bytes = tokenBytes.get(id);
      if (bytes != null && bytes.length > 0) {
        ids.add(id);
        byId[id] = bytes;
      }
    }
    ids.sort((a, b) -> Arrays.compareUnsigned(byId[a], byId[b]));
    tokenIds = ids.stream().mapToInt(Integer::intValue).toArray();
    common = new int[tokenIds.length];
    for (int i = 0; i < tokenIds.length; i++) {
      sorted.add(byId[tokenIds[i]]);
      if (i > 0) {
        int mismatch = Arrays.mismatch(sorted.get(i - 1), sorted.get(i));
        common[i] = mismatch < 0 ? sorted.get(i).length : mismatch;
      }
    }
  }

  /** A token's bytes; null if it is no text. */
  byte @Nullable [] bytes(int tokenId) {
    return tokenId < byId.length ? byId[tokenId] : null;
  }

  /** The tokens that may follow in a state. Each beginning that tokens share is walked once. */
  BitSet allowed(GrammarAutomaton automaton, int state) {
    BitSet allowed = new BitSet(byId.length);
    int[] path = new int[64];
    path[0] = state;
    int known = 0; // path[0 ... known] are the states along the present beginning
    boolean dead = false; // whether path[known] is
    for (int i = 0; i < tokenIds.length; i++) {
      if (dead && common[i] >= known) {
        continue;
      }
      byte[] bytes = sorted.get(i);
      if (path.length <= bytes.length) {
        path = Arrays.copyOf(path, 2 * bytes.length);
      }
      known = Math.min(known, common[i]);
      dead = false;
      while (known < bytes.length && !dead) {
        path[known + 1] = automaton.next(path[known], bytes[known] & 0xff);
        known++;
        dead = path[known] == GrammarAutomaton.DEAD;
      }
      if (!dead) {
        allowed.set(tokenIds[i]);
      }
    }
    return allowed;
  }
}
