package io.vquant.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which token has which id, of the model's vocabulary and the added tokens together. The former
 * stay where the file has them, as bytes: few are ever asked for. Filled once, then read by any
 * number of threads.
 */
final class TokenTable {
  /** Bounds memory for files that name absurd ids; real vocabularies stay under 2^20. */
  static final int MAX_IDS = 1 << 24;

  private final JsonText json;

  /** By id where the model's token begins, its quote; 0 where there is none. */
  private int[] places = new int[1 << 12];

  private final Map<Integer, String> added = new HashMap<>();
  private int count;
  private int maxId = -1;
  private volatile @Nullable Map<String, Integer> ids;

  TokenTable(JsonText json) {
    this.json = json;
  }

  /**
   * Adds a token of the model's own vocabulary.
   *
   * @param place of the string in the file
   * @throws MalformedTokenizerException if the id is not in [0, 2^24), or has another token already
   */
  void putModelToken(String field, long id, int place) {
    if (id < 0 || id >= MAX_IDS) {
      throw new MalformedTokenizerException(
          json.file(), field, "an id from 0 to " + (MAX_IDS - 1), Long.toString(id));
    }
    int index = (int) id;
    if (index >= places.length) {
      places = Arrays.copyOf(places, Math.max(index + 1, 2 * places.length));
    }
    if (places[index] == 0) {
      places[index] = place;
      count++;
      maxId = Math.max(maxId, index);
    } else {
      requireSame(field, index, json.string(places[index]), json.string(place));
    }
  }

  /**
   * Adds a token of {@code added_tokens}, after all of the model's own.
   *
   * @param id from 0 to {@link #MAX_IDS} - 1
   * @throws MalformedTokenizerException if the id has another token already
   */
  void putAddedToken(String field, int id, String token) {
    String known = token(id);
    if (known == null) {
      added.put(id, token);
      count++;
      maxId = Math.max(maxId, id);
    } else {
      requireSame(field, id, known, token);
    }
  }

  private void requireSame(String field, int id, String known, String token) {
    if (!known.equals(token)) {
      throw new MalformedTokenizerException(
          json.file(),
          field,
          "one token an id",
          "id %d for both '%s' and '%s'".formatted(id, known, token));
    }
  }

  /** Null where the id has no token. */
  @Nullable String token(int id) {
    return isModelToken(id) ? json.string(places[id]) : added.get(id);
  }

  boolean has(int id) {
    return isModelToken(id) || added.containsKey(id);
  }

  /** Whether the id has a token in the model's own vocabulary. */
  boolean isModelToken(int id) {
    return id >= 0 && id < places.length && places[id] != 0;
  }

  @Nullable Integer id(String token) {
    Map<String, Integer> known = ids;
    if (known == null) {
      known = new HashMap<>(2 * count);
      for (int id = 0; id <= maxId; id++) {
        String existing = token(id);
        if (existing != null) {
          known.put(existing, id);
        }
      }
      ids = known; // two threads may both build it: the maps are equal
    }
    return known.get(token);
  }

  /**
   * The ids of those tokens that are in the model's own vocabulary; of a token that has several the
   * last, as {@link #id}. For few tokens this is much less work than the index of all that {@link
   * #id} makes: what begins with another byte is not even read.
   */
  Map<String, Integer> modelIdsOf(Collection<String> wanted) {
    Set<String> contents = new HashSet<>(wanted);
    boolean[] begins = new boolean[256];
    begins['\\'] = true; // an escape can be any character
    for (String content : contents) {
      begins[content.isEmpty() ? '"' : content.getBytes(StandardCharsets.UTF_8)[0] & 0xff] = true;
    }
    Map<String, Integer> found = new HashMap<>();
    for (int id = 0; id < places.length; id++) {
      if (places[id] != 0 && begins[json.byteAt(places[id] + 1) & 0xff]) {
        String token = json.string(places[id]);
        if (contents.contains(token)) {
          found.put(token, id);
        }
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
