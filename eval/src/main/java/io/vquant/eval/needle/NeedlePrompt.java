package io.vquant.eval.needle;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/** Puts keys into a haystack. */
final class NeedlePrompt {
  private NeedlePrompt() {}

  /** Some tokens before which others go. */
  @SuppressWarnings("ArrayRecordComponent") // sorted by its place, never compared
  private record Insertion(int place, int[] tokens) {}

  /**
   * The token ids of a prompt of exactly {@code length} tokens: beginning, haystack with the keys
   * at ends of sentences, question.
   *
   * @param depth where the asked key goes, 0 at the beginning to 1 just before the question; the
   *     others go anywhere
   * @throws IllegalArgumentException if {@code length} has no room for keys and question
   */
  static int[] of(
      NeedleModel model,
      Haystack haystack,
      PassKeys keys,
      int length,
      double depth,
      SplittableRandom random) {
    int[] question = model.encode(keys.question());
    List<int[]> needles = keys.sentences().stream().map(model::encode).toList();
    int fixed = model.beginning().length + question.length;
    fixed += needles.stream().mapToInt(needle -> needle.length).sum();
    int filler = length - fixed;
    if (filler < 0) {
      throw new IllegalArgumentException(
          "prompt of " + length + " tokens: keys and question alone take " + fixed);
    }
    List<Insertion> insertions = new ArrayList<>();
    for (int[] needle : needles) {
      double part = insertions.isEmpty() ? depth : random.nextDouble();
      int place = haystack.sentenceEndNear((int) Math.round(part * filler), filler);
      insertions.add(new Insertion(place, needle));
    }
    insertions.sort(Comparator.comparingInt(Insertion::place));
    int[] prompt = new int[length];
    int at = append(prompt, 0, model.beginning(), 0, model.beginning().length);
    int[] tokens = haystack.tokens(filler);
    int taken = 0;
    for (Insertion insertion : insertions) {
      at = append(prompt, at, tokens, taken, insertion.place);
      taken = insertion.place;
      at = append(prompt, at, insertion.tokens, 0, insertion.tokens.length);
    }
    at = append(prompt, at, tokens, taken, filler);
    append(prompt, at, question, 0, question.length);
    return prompt;
  }

  private static int append(int[] prompt, int at, int[] source, int from, int end) {
    System.arraycopy(source, from, prompt, at, end - from);
    return at + end - from;
  }
}
