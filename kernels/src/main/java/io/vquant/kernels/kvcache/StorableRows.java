package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.Float16;

/** What codes with an FP16 scale and zero can store: finite values up to 65504 in magnitude. */
public final class StorableRows {
  private StorableRows() {}

  /**
   * Refuses other values, naming the first.
   *
   * @throws IllegalArgumentException with its token (of the page), channel and value
   */
  public static void require(HeadRows rows) {
    for (int token = 0; token < PageLayout.TOKENS; token++) {
      for (int channel = 0; channel < rows.headDim(); channel++) {
        float value = rows.get(token, channel);
        if (!(Math.abs(value) <= Float16.MAX_VALUE)) {
          throw new IllegalArgumentException(
              "token "
                  + token
                  + " of the page, channel "
                  + channel
                  + " is "
                  + value
                  + ": expected a magnitude of at most 65504 (the end of FP16) for integer codes");
        }
      }
    }
  }
}
