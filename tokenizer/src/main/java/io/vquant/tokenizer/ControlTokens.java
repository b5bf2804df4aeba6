package io.vquant.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Finds the texts of control tokens in a text. Time is linear in the text for a given set of
 * tokens: a step costs at most the longest token.
 */
final class ControlTokens {
  private final List<AddedToken> tokens;
  private final Set<Integer> ids = new HashSet<>();
  private final Node root = new Node();

  /** One occurrence: UTF-16 units [begin, end). */
  record Match(int begin, int end, AddedToken token) {}

  private static final class Node {
    final Map<Character, Node> next = new HashMap<>();
    @Nullable AddedToken token;
  }

  ControlTokens(List<AddedToken> addedTokens) {
    tokens = addedTokens.stream().filter(AddedToken::isControl).toList();
    for (AddedToken token : tokens) {
      ids.add(token.id());
      Node node = root;
      for (int i = 0; i < token.content().length(); i++) {
        node = node.next.computeIfAbsent(token.content().charAt(i), c -> new Node());
      }
      if (node != root) {
        node.token = token;
      }
    }
  }

  List<AddedToken> tokens() {
    return tokens;
  }

  boolean isControl(int id) {
    return ids.contains(id);
  }

  /** The ids among {@code all} that are control tokens, in order. */
  int[] controlIds(int[] all) {
    return java.util.Arrays.stream(all).filter(ids::contains).toArray();
  }

  /**
   * Whether a control token's text occurs, overlapping others or not, with a character that is not
   * trusted.
   */
  boolean occurUntrusted(String text, IntPredicate trusted) {
    for (int begin = 0; begin < text.length(); begin++) {
      boolean allTrusted = true;
      Node node = root;
      for (int i = begin; i < text.length(); i++) {
        node = node.next.get(text.charAt(i));
        if (node == null) {
          break;
        }
        allTrusted &= trusted.test(i);
        if (node.token != null && !allTrusted) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Occurrences that lie wholly in trusted characters; where several begin or overlap, the leftmost
   * and then the longest, as the library chooses.
   */
  List<Match> trustedMatches(String text, IntPredicate trusted) {
    List<Match> matches = new ArrayList<>();
    int begin = 0;
    while (begin < text.length()) {
      Match longest = null;
      Node node = root;
      for (int i = begin; i < text.length() && trusted.test(i); i++) {
        node = node.next.get(text.charAt(i));
        if (node == null) {
          break;
        }
        if (node.token != null) {
          longest = new Match(begin, i + 1, node.token);
        }
      }
      if (longest == null) {
        begin++;
      } else {
        matches.add(longest);
        begin = longest.end();
      }
    }
    return matches;
  }
}
