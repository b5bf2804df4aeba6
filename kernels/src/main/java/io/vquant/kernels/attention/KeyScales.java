package io.vquant.kernels.attention;

/** Which keys of a head share a quantization scale. Queries have one a row and head in any case. */
public enum KeyScales {
  /** One scale a token. */
  PER_TOKEN,
  /** One scale for the tokens of a key tile; lines have no part in it. */
  PER_TILE
}
