package io.vquant.model.loading;

/** Watches a model being loaded. */
@FunctionalInterface
public interface LoadListener {

  /** Watches nothing. */
  LoadListener NONE = (doneBytes, totalBytes) -> {};

  /**
   * Told as bytes are mapped or prefetched; may be called by several threads at once.
   *
   * @param doneBytes bytes so far
   * @param totalBytes bytes of the weight files
   */
  void progress(long doneBytes, long totalBytes);
}
