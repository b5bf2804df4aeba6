package io.vquant.eval.needle;

import io.vquant.model.ForwardCancelledException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The needle test: every length with every depth, some trials each.
 *
 * @param lengths tokens of a prompt
 * @param depths parts of the text before the asked key, 0 to 1
 * @param trials prompts a cell, with other keys
 * @param keys hidden in each
 * @param seed of keys and places
 */
public record NeedleGrid(
    List<Integer> lengths, List<Double> depths, int trials, int keys, long seed) {
  /** Enough for a blank, five digits apart and a full stop. */
  public static final int ANSWER_TOKENS = 10;

  public NeedleGrid {
    lengths = List.copyOf(lengths);
    depths = List.copyOf(depths);
  }

  /**
   * What one cell gave.
   *
   * @param trials prompts asked
   * @param found those whose answer began with the key
   */
  public record Cell(int length, double depth, int trials, int found) {
    /** Part of the trials in which the key was found. */
    public double score() {
      return (double) found / trials;
    }
  }

  /** Watches the test, and may end it between two prompts. */
  public interface Watcher {
    /**
     * Told before each prompt.
     *
     * @return false ends the test
     */
    boolean goesOn(int donePrompts, int plannedPrompts);
  }

  /** Prompts in all. */
  public int prompts() {
    return lengths.size() * depths.size() * trials;
  }

  /**
   * Runs the test, shortest texts first.
   *
   * @return the cells that have all their trials
   * @throws IllegalArgumentException if a length has no room for keys and question
   */
  public List<Cell> run(NeedleModel model, Haystack haystack, Watcher watcher) {
    List<Cell> cells = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(seed);
    int prompts = 0;
    try {
      for (int length : lengths) {
        for (double depth : depths) {
          int found = 0;
          for (int trial = 0; trial < trials; trial++) {
            if (!watcher.goesOn(prompts++, prompts())) {
              return cells;
            }
            found += isFound(model, haystack, length, depth, random.split()) ? 1 : 0;
          }
          cells.add(new Cell(length, depth, trials, found));
        }
      }
    } catch (ForwardCancelledException e) {
      // the model was told to stop in the middle of a prompt; its cell is left out
    }
    return cells;
  }

  private boolean isFound(
      NeedleModel model, Haystack haystack, int length, double depth, SplittableRandom random) {
    PassKeys passKeys = PassKeys.draw(keys, random);
    int[] prompt = NeedlePrompt.of(model, haystack, passKeys, length, depth, random);
    return passKeys.isFound(model.answer(prompt, ANSWER_TOKENS));
  }
}
