package io.vquant.engine.sampling;

/** The model computed NaN or an infinity: its weights are damaged or its values overflow. */
public final class NonFiniteLogitsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NonFiniteLogitsException(String message) {
    super(message);
  }

  static NonFiniteLogitsException in(float[] logits) {
    int count = 0;
    int first = -1;
    for (int i = 0; i < logits.length; i++) {
      if (!Float.isFinite(logits[i])) {
        first = first < 0 ? i : first;
        count++;
      }
    }
    return new NonFiniteLogitsException(
        "the model computed "
            + count
            + " logits of "
            + logits.length
            + " that are not finite (the first: "
            + logits[first]
            + " for token "
            + first
            + "): expected finite numbers");
  }
}
