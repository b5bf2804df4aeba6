package io.vquant.engine.batching;

/** A request that a scheduler has accepted. Safe for any thread. */
public final class BatchTicket {
  private final BatchSequence sequence;
  private final Runnable wakeUp;

  BatchTicket(BatchSequence sequence, Runnable wakeUp) {
    this.sequence = sequence;
    this.wakeUp = wakeUp;
  }

  /** Ends the request soon, wherever it is; without effect when it is over. */
  public void cancel() {
    sequence.cancel();
    wakeUp.run();
  }

  /** Tells that the listener has room again. */
  public void resume() {
    wakeUp.run();
  }
}
