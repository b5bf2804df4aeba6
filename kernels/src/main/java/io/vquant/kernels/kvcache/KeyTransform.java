package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.HadamardTransform;
import org.jspecify.annotations.Nullable;

/**
 * What keys and values go through before they are stored, once for every part of the cache:
 *
 * <pre>key = H k - mean, value = v (or H v)</pre>
 *
 * where H is the Walsh-Hadamard transform or nothing, and {@code mean} is one vector a KV head:
 * zero until keys are first packed, then the mean of all transformed keys present at that moment,
 * for good. A query is transformed by H alone: the mean adds the same to all its scores, which
 * softmax does not see (SageAttention, Zhang et al. 2024, section 4.2).
 */
final class KeyTransform {
  private final @Nullable HadamardTransform keys;
  private final @Nullable HadamardTransform values;
  private final int headDim;
  private final float[] mean;
  private boolean frozen;

  KeyTransform(KvLayerPolicy policy, int numKvHeads, int headDim) {
    this.headDim = headDim;
    keys = policy.hadamard() ? new HadamardTransform(headDim) : null;
    values = policy.transformsValues() ? new HadamardTransform(headDim) : null;
    mean = new float[numKvHeads * headDim];
    frozen = !policy.smoothKeys();
  }

  private KeyTransform(KeyTransform other) {
    keys = other.keys;
    values = other.values;
    headDim = other.headDim;
    mean = other.mean.clone();
    frozen = other.frozen;
  }

  KeyTransform copy() {
    return new KeyTransform(this);
  }

  @Nullable HadamardTransform keys() {
    return keys;
  }

  @Nullable HadamardTransform values() {
    return values;
  }

  /** Whether the mean will not change any more. */
  boolean isFrozen() {
    return frozen;
  }

  /** Fixes the mean of a head's transformed keys. */
  void setMean(int kvHead, int channel, float value) {
    mean[kvHead * headDim + channel] = value;
  }

  float mean(int kvHead, int channel) {
    return mean[kvHead * headDim + channel];
  }

  void freeze() {
    frozen = true;
  }

  /** Transforms one head's key in place. */
  void applyToKey(float[] key, int kvHead) {
    if (keys != null) {
      keys.apply(key, 0);
    }
    int first = kvHead * headDim;
    for (int c = 0; c < headDim; c++) {
      key[c] -= mean[first + c];
    }
  }

  /** Transforms one head's value in place. */
  void applyToValue(float[] value) {
    if (values != null) {
      values.apply(value, 0);
    }
  }
}
