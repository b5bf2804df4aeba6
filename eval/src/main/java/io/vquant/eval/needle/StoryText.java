package io.vquant.eval.needle;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Simple stories without end, in the manner of those that the bundled model was trained on: a
 * haystack for where there are no files. The same seed tells the same stories.
 */
public final class StoryText {
  private static final List<String> ANIMALS =
      List.of("fox", "rabbit", "hedgehog", "duck", "bear", "mouse", "owl", "pig", "frog", "cat");
  private static final List<String> NAMES =
      List.of("Omar", "Clara", "June", "Ben", "Ravi", "Emma", "Nina", "Tom", "Lily", "Max");
  private static final List<String> PLACES =
      List.of("river", "forest", "park", "lake", "pond", "hill", "village", "meadow");
  private static final List<String> THINGS =
      List.of("red kite", "silver flute", "blue ball", "small boat", "warm scarf", "old drum");
  private static final List<String> WISHES =
      List.of("swim", "row a boat", "climb the hill", "fly a kite", "bake bread", "sing");
  private static final List<String> LESSONS =
      List.of(
          "a good friend makes hard things easier",
          "everyone makes mistakes",
          "sharing makes a day better",
          "it helps to try once more");

  private StoryText() {}

  /** Stories of at least so many characters. */
  public static String of(int minChars, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder(minChars + 1000);
    while (text.length() < minChars) {
      text.append(story(random)).append("\n\n");
    }
    return text.toString();
  }

  private static String story(SplittableRandom random) {
    String hero = pick(NAMES, random);
    String friend = pick(NAMES.stream().filter(name -> !name.equals(hero)).toList(), random);
    String place = pick(PLACES, random);
    String thing = pick(THINGS, random);
    String wish = pick(WISHES, random);
    return String.join(
        " ",
        "Once there was a young %s named %s who lived near the %s."
            .formatted(pick(ANIMALS, random), hero, place),
        "%s wanted to %s, but it was hard.".formatted(hero, wish),
        "One day %s walked to the %s and found a %s.".formatted(hero, place, thing),
        "\"Whose %s is this?\" asked %s.".formatted(thing, hero),
        "\"It is mine,\" said %s the %s.".formatted(friend, pick(ANIMALS, random)),
        "\"You may play with it if you help me,\" said %s.".formatted(friend),
        "They worked all afternoon, and then they tried to %s together.".formatted(wish),
        "It went wrong once, and it went wrong twice.",
        "On the third day it went well, and %s clapped and laughed.".formatted(friend),
        "%s and %s smiled at each other.".formatted(hero, friend),
        "%s had learned that %s.".formatted(hero, pick(LESSONS, random)));
  }

  private static String pick(List<String> words, SplittableRandom random) {
    return words.get(random.nextInt(words.size()));
  }
}
