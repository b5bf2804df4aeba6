package io.vquant.eval.needle;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What is hidden in one text: one key, or several that doors tell apart, of which one is asked.
 *
 * @param sentences to hide, the asked one first
 * @param question ends where the key has to follow
 * @param key five digits, what the answer must begin with
 */
public record PassKeys(List<String> sentences, String question, String key) {
  /** Most keys in one text. */
  public static final int MAX_KEYS = 8;

  private static final List<String> DOORS =
      List.of("red", "blue", "green", "yellow", "white", "black", "brown", "silver");

  public PassKeys {
    sentences = List.copyOf(sentences);
  }

  /** Draws keys; one alone has the words that the bundled model was trained with. */
  public static PassKeys draw(int count, SplittableRandom random) {
    if (count < 1 || count > MAX_KEYS) {
      throw new IllegalArgumentException(count + " keys: expected 1 to " + MAX_KEYS);
    }
    List<String> keys =
        random.ints(10_000, 100_000).distinct().limit(count).mapToObj(Integer::toString).toList();
    if (count == 1) {
      String sentence = sentence("The pass key", "the pass key", keys.getFirst());
      return new PassKeys(List.of(sentence), question("the pass key"), keys.getFirst());
    }
    List<String> doors = new ArrayList<>(DOORS);
    List<String> sentences = new ArrayList<>();
    String asked = "";
    for (int i = 0; i < count; i++) {
      String door = doors.remove(random.nextInt(doors.size()));
      String name = "pass key of the " + door + " door";
      sentences.add(sentence("The " + name, "the " + name, keys.get(i)));
      asked = i == 0 ? "the " + name : asked;
    }
    return new PassKeys(sentences, question(asked), keys.getFirst());
  }

  private static String sentence(String nameFirst, String name, String key) {
    return " " + nameFirst + " is " + key + ". Remember it: " + key + " is " + name + ".";
  }

  private static String question(String name) {
    String first = "T" + name.substring(1);
    return "\nWhat is " + name + "? " + first + " is";
  }

  /** Whether an answer begins with the key. */
  public boolean isFound(String answer) {
    String digits = answer.strip();
    boolean longer =
        digits.length() > key.length() && Character.isDigit(digits.charAt(key.length()));
    return digits.startsWith(key) && !longer;
  }
}
