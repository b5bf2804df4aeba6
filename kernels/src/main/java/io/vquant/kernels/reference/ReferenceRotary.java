package io.vquant.kernels.reference;

import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.tensor.Tensor;

/**
 * {@code x * cos + rotateHalf(x) * sin} with every step in float32, as Hugging Face transformers
 * computes it; only cosine and sine are taken in double and then rounded.
 */
final class ReferenceRotary implements RotaryOperator {

  private final RotarySpec spec;

  ReferenceRotary(RotarySpec spec) {
    this.spec = spec;
  }

  @Override
  public void forward(Tensor x, int startPosition) {
    Elements.requireF32("rotary x", x, x.rows(), x.columns());
    if (x.columns() % spec.headDim() != 0) {
      throw new IllegalArgumentException(
          "rotary x has %d columns: expected a multiple of the head size %d"
              .formatted(x.columns(), spec.headDim()));
    }
    if (startPosition < 0) {
      throw new IllegalArgumentException(
          "rotary start position " + startPosition + ": expected at least 0");
    }
    int half = spec.headDim() / 2;
    for (int row = 0; row < x.rows(); row++) {
      float position = (float) ((long) startPosition + row);
      for (int i = 0; i < half; i++) {
        float angle = position * spec.inverseFrequencies().get(i);
        float cos = (float) Math.cos(angle) * spec.attentionScaling();
        float sin = (float) Math.sin(angle) * spec.attentionScaling();
        for (int head = 0; head < x.columns(); head += spec.headDim()) {
          float first = Elements.get(x, row, head + i);
          float second = Elements.get(x, row, head + half + i);
          Elements.set(x, row, head + i, first * cos + -second * sin);
          Elements.set(x, row, head + half + i, second * cos + first * sin);
        }
      }
    }
  }
}
