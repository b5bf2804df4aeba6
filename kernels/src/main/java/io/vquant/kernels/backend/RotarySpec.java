package io.vquant.kernels.backend;

import java.util.List;

/**
 * The angles of a rotary embedding. An angle is computed as transformers does: position (as
 * float32) times inverse frequency, rounded to float32, then cosine and sine, times {@code
 * attentionScaling}, each rounded to float32.
 *
 * @param headDim channels a head, even
 * @param inverseFrequencies headDim / 2 values, scaling already applied
 * @param attentionScaling factor on cosine and sine (1 but for yarn)
 */
public record RotarySpec(int headDim, List<Float> inverseFrequencies, float attentionScaling) {

  public RotarySpec {
    inverseFrequencies = List.copyOf(inverseFrequencies);
    if (headDim % 2 != 0 || inverseFrequencies.size() != headDim / 2) {
      throw new IllegalArgumentException(
          "head size "
              + headDim
              + " with "
              + inverseFrequencies.size()
              + " inverse frequencies: expected an even size and half as many");
    }
  }
}
