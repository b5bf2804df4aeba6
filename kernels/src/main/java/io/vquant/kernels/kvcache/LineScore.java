package io.vquant.kernels.kvcache;

/** What a key's importance is measured by. */
public enum LineScore {
  /** Mean of the squared attention weight: error energy goes as that (the default). */
  SQUARED_WEIGHT,
  /** Mean of the attention weight. */
  WEIGHT;

  /** The contribution of one attention weight. */
  public float of(float weight) {
    return this == SQUARED_WEIGHT ? weight * weight : weight;
  }
}
