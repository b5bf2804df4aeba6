package io.vquant.engine.hub;

/** Told how a pull goes on; by any of its threads, one at a time. */
public interface PullListener {
  /** For callers that only want the result. */
  PullListener NONE = new PullListener() {};

  /**
   * Bytes of the model that are here, those of an earlier pull among them.
   *
   * @param totalBytes as the hub states it
   */
  default void onBytes(long doneBytes, long totalBytes) {}

  /** Something that a user may want to know, in a line: a wait, a second attempt. */
  default void onNotice(String line) {}
}
