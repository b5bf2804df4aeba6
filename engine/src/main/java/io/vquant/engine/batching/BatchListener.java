package io.vquant.engine.batching;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Told what becomes of one request, on a thread of the scheduler's or of the device's, one call
 * after the other: nothing here may wait. Requests side by side are told side by side. An exception
 * ends the request as failed.
 */
public interface BatchListener {

  /** Whether more can be taken; while not, the request rests (its neighbours do not). */
  default boolean hasRoom() {
    return true;
  }

  /** Prefill has come this far, in tokens times layers. */
  default void onPrefill(long done, long total) {}

  /**
   * The prompt is scored: one entry a token from the second on.
   *
   * @param scores in the order of the prompt
   */
  default void onPromptScores(List<TokenScore> scores) {}

  /**
   * A token was chosen; an ending eos token is told as well.
   *
   * @param score null where no log-probabilities were asked for
   */
  default void onToken(int tokenId, @Nullable TokenScore score) {}

  /** More text; as {@link io.vquant.engine.GenerationListener#onText}. */
  default void onText(String piece) {}

  /** The request is over; nothing is told after this or {@link #onFailure}. */
  void onEnd(BatchResult result);

  /** The request could not be carried out. */
  void onFailure(Throwable failure);
}
