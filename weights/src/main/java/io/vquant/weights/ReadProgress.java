package io.vquant.weights;

/**
 * Told how far a pass over the bytes of a checkpoint has come, on the thread that makes the pass.
 */
@FunctionalInterface
public interface ReadProgress {
  /** For callers that do not care. */
  ReadProgress NONE = (doneBytes, totalBytes) -> {};

  /**
   * One step of the pass.
   *
   * @param doneBytes bytes passed so far; never falls, and ends at the total
   * @param totalBytes bytes of the whole pass
   */
  void advanced(long doneBytes, long totalBytes);
}
