package io.vquant.engine;

/** How the tokens of a window go through the model to be scored. */
public enum ScoringMode {
  /** All at once, as a prompt: a token sees keys and values of the pass it is in. */
  PREFILL("prefill"),
  /** One after another through the cache, as generation does. */
  DECODE("decode");

  private final String label;

  ScoringMode(String label) {
    this.label = label;
  }

  /** The name as a user writes it. */
  public String label() {
    return label;
  }
}
