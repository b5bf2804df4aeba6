package io.vquant.tokenizer;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which token has which id, of the model's vocabulary and the added tokens together. Filled once,
 * then read by any number of threads.
 */
final class TokenTable {
  /** Bounds memory for files that name absurd ids; real vocabularies stay under 2^20. */
  static final int MAX_IDS = 1 << 24;

  private final Path file;
  private @Nullable String[] tokens = new String[1 << 12];
  private int count;
  private int maxId = -1;
  private volatile @Nullable Map<String, Integer> ids;

  TokenTable(Path file) {
    this.file = file;
  }

  /**
   * @throws MalformedTokenizerException if the id is not in [0, 2^24), or has another token already
   */
  void put(String field, long id, String token) {
    if (id < 0 || id >= MAX_IDS) {
      throw new MalformedTokenizerException(
          file, field, "an id from 0 to " + (MAX_IDS - 1), Long.toString(id));
    }
    int index = (int) id;
    if (index >= tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(index + 1, 2 * tokens.length));
    }
    String known = tokens[index];
    if (known != null && !known.equals(token)) {
      throw new MalformedTokenizerException(
          file,
          field,
          "one token an id",
          "id %d for both '%s' and '%s'".formatted(id, known, token));
    }
    if (known == null) {
      count++;
      tokens[index] = token;
    }
    maxId = Math.max(maxId, index);
  }

  /** Null where the id has no token. */
  @Nullable String token(int id) {
    return id >= 0 && id <= maxId ? tokens[id] : null;
  }

  @Nullable Integer id(String token) {
    Map<String, Integer> known = ids;
    if (known == null) {
      known = new HashMap<>(2 * count);
      for (int id = 0; id <= maxId; id++) {
        if (tokens[id] != null) {
          known.put(tokens[id], id);
        }
      }
      ids = known; // two threads may both build it: the maps are equal
    }
    return known.get(token);
  }

  /**
   * The ids of those tokens that are here; of a token that has several the last, as {@link #id}.
   * For few tokens this is much less work than the index of all that {@link #id} makes.
   */
  Map<String, Integer> idsOf(Collection<String> wanted) {
    Set<String> contents = new HashSet<>(wanted);
    Map<String, Integer> found = new HashMap<>();
    for (int id = 0; id <= maxId; id++) {
      if (tokens[id] != null && contents.contains(tokens[id])) {
        found.put(tokens[id], id);
      }
    }
    return found;
  }

  int count() {
    return count;
  }

  int maxId() {
    return maxId;
  }
}
