package io.vquant.engine;

import io.vquant.model.MemoryPlan;

/** Told how far the loading of a model has come. */
@FunctionalInterface
public interface LoadProgress {
  /** For callers that do not care. */
  LoadProgress NONE = (doneBytes, totalBytes) -> {};

  /**
   * More weights are ready.
   *
   * @param doneBytes bytes of weights ready, never falling
   * @param totalBytes bytes of all weights
   */
  void advanced(long doneBytes, long totalBytes);

  /** What will be taken is known, and fits; nothing has been allocated yet. */
  default void planned(MemoryPlan plan) {}
}
