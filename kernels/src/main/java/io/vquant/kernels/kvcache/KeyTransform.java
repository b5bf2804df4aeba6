package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.HadamardTransform;
import org.jspecify.annotations.Nullable;

/**
 * What keys and values go through before they are stored, once for every part of the cache:
 *
 * <pre>key = H k - mean, value = v (or H v)</pre>
 *
 * where H is the Walsh-Hadamard transform or nothing, and {@code mean} is one vector a KV head: the
 * mean of all transformed keys present when keys are first packed. A query is transformed by H
 * alone: the mean adds the same to all its scores, which softmax does not see (SageAttention, Zhang
 * et al. 2024, section 4.2). Until keys are first packed nothing is transformed.
 */
public final class KeyTransform {
  private final @Nullable HadamardTransform keys;
  private final @Nullable HadamardTransform values;
  private final boolean smooth;
  private final int headDim;
  private final float[] mean;
  private boolean active;

  /** The transform that a policy asks for; not active yet. */
  public KeyTransform(KvLayerPolicy policy, int numKvHeads, int headDim) {
    this.headDim = headDim;
    keys = policy.hadamard() ? new HadamardTransform(headDim) : null;
    values = policy.transformsValues() ? new HadamardTransform(headDim) : null;
    smooth = policy.smoothKeys();
    mean = new float[numKvHeads * headDim];
  }

  private KeyTransform(KeyTransform other) {
    keys = other.keys;
    values = other.values;
    smooth = other.smooth;
    headDim = other.headDim;
    mean = other.mean.clone();
    active = other.active;
  }

  KeyTransform copy() {
    return new KeyTransform(this);
  }

  /** What queries go through, if anything. */
  public @Nullable HadamardTransform keys() {
    return active ? keys : null;
  }

  /** What outputs go through to return to the model's channels, if anything. */
  public @Nullable HadamardTransform values() {
    return active ? values : null;
  }

  /** Whether what is stored has been transformed. */
  boolean isActive() {
    return active;
  }

  /** From now on keys and values are stored transformed. */
  public void activate() {
    active = true;
  }

  /** Whether a mean is to be subtracted. */
  public boolean isSmooth() {
    return smooth;
  }

  /** Fixes the mean of a head's transformed keys. */
  public void setMean(int kvHead, int channel, float value) {
    mean[kvHead * headDim + channel] = value;
  }

  /** The mean of a head's transformed keys; 0 until it is set. */
  public float mean(int kvHead, int channel) {
    return mean[kvHead * headDim + channel];
  }

  void transfer(KvTransfer transfer) {
    active = transfer.number("transformed", active ? 1 : 0, 0, 1) == 1;
    transfer.floats(mean, mean.length);
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
