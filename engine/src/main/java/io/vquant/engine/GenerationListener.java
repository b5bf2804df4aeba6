package io.vquant.engine;

/**
 * Told what a generation does while it runs, on the thread that called {@code generate}. An
 * exception thrown here ends the generation and reaches the caller.
 */
public interface GenerationListener {
  /** For callers that only want the result. */
  GenerationListener NONE = new GenerationListener() {};

  /**
   * Prefill has come this far.
   *
   * @param done units of work done, rising from 0 to {@code total}
   * @param total units of work in all (prompt tokens times layers)
   */
  default void onPrefill(long done, long total) {}

  /** A token was chosen; an ending eos token is told as well. */
  default void onToken(int tokenId) {}

  /**
   * More text, whole characters only. The pieces joined are the text of the result: special tokens
   * are not in it, and text is held back while it may turn out to be a stop string.
   */
  default void onText(String piece) {}
}
