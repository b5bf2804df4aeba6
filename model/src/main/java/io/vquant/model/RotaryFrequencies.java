package io.vquant.model;

import io.vquant.kernels.backend.RotarySpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Inverse frequencies of rotary embeddings, with the float32 roundings of transformers: each line
 * below is one of its tensor operations, and a scalar meets a tensor as a float32. Angles at large
 * positions multiply an error here by the position, so the roundings matter.
 */
final class RotaryFrequencies {
  private RotaryFrequencies() {}

  static RotarySpec of(RopeParameters rope, int headDim) {
    float[] inverse =
        switch (rope) {
          case RopeParameters.Default unscaled -> inverses(wavenumbers(unscaled, headDim));
          case RopeParameters.Linear linear -> linear(linear, headDim);
          case RopeParameters.Llama3 llama3 -> llama3(llama3, headDim);
          case RopeParameters.Yarn yarn -> yarn(yarn, headDim);
        };
    List<Float> frequencies = new ArrayList<>(inverse.length);
    for (float value : inverse) {
      frequencies.add(value);
    }
    float scaling = rope instanceof RopeParameters.Yarn yarn ? (float) yarn.attentionFactor() : 1;
    return new RotarySpec(headDim, frequencies, scaling);
  }

  /** theta^(2i / headDim): a float32 power, here through float64 and rounded once. */
  private static float[] wavenumbers(RopeParameters rope, int headDim) {
    float base = (float) rope.ropeTheta();
    float[] powers = new float[headDim / 2];
    for (int i = 0; i < powers.length; i++) {
      float exponent = 2f * i / headDim;
      powers[i] = (float) Math.pow(base, exponent);
    }
    return powers;
  }

  private static float[] inverses(float[] values) {
    float[] inverse = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      inverse[i] = 1f / values[i];
    }
    return inverse;
  }

  private static float[] linear(RopeParameters.Linear rope, int headDim) {
    float[] inverse = inverses(wavenumbers(rope, headDim));
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] /= (float) rope.factor();
    }
    return inverse;
  }

  private static float[] llama3(RopeParameters.Llama3 rope, int headDim) {
    int original = rope.originalMaxPositionEmbeddings();
    float longest = (float) (original / rope.lowFreqFactor());
    float shortest = (float) (original / rope.highFreqFactor());
    float low = (float) rope.lowFreqFactor();
    float range = (float) (rope.highFreqFactor() - rope.lowFreqFactor());
    float factor = (float) rope.factor();
    float[] inverse = inverses(wavenumbers(rope, headDim));
    for (int i = 0; i < inverse.length; i++) {
      float wavelength = (1f / inverse[i]) * (float) (2 * Math.PI);
      if (wavelength > longest) {
        inverse[i] /= factor;
      } else if (wavelength >= shortest) {
        float smooth = ((1f / wavelength) * original - low) / range;
        inverse[i] = (1 - smooth) * inverse[i] / factor + smooth * inverse[i];
      }
    }
    return inverse;
  }

  private static float[] yarn(RopeParameters.Yarn rope, int headDim) {
    double first = correctionDim(rope, rope.betaFast(), headDim);
    double last = correctionDim(rope, rope.betaSlow(), headDim);
    if (rope.truncate()) {
      first = Math.floor(first);
      last = Math.ceil(last);
    }
    first = Math.max(first, 0);
    last = Math.min(last, headDim - 1);
    if (first == last) {
      last += 0.001;
    }
    float factor = (float) rope.factor();
    float[] powers = wavenumbers(rope, headDim);
    float[] inverse = new float[powers.length];
    for (int i = 0; i < powers.length; i++) {
      float ramp = Math.clamp((i - (float) first) / (float) (last - first), 0f, 1f);
      float kept = 1 - ramp;
      float extrapolated = 1f / powers[i];
      float interpolated = 1f / (factor * powers[i]);
      inverse[i] = interpolated * (1 - kept) + extrapolated * kept;
    }
    return inverse;
  }

  /** The dimension that turns {@code rotations} times within the original context. */
  private static double correctionDim(RopeParameters.Yarn rope, double rotations, int headDim) {
    double turns = rope.originalMaxPositionEmbeddings() / (rotations * 2 * Math.PI);
    return headDim * Math.log(turns) / (2 * Math.log(rope.ropeTheta()));
  }
}
