package io.vquant.model.loading;

import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.UnpackedRange;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.CausalLm;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import io.vquant.weights.Checkpoint;
import java.util.List;

/**
 * A model and the checkpoint that its weights are mapped from. Closing unmaps them: close it before
 * its backend, and only when no pass runs. Caches are closed apart.
 */
public final class LoadedModel implements AutoCloseable {
  private final ModelConfig config;
  private final CausalLm model;
  private final Checkpoint checkpoint;
  private final WeightTally tally;
  private final List<String> notices;

  LoadedModel(
      ModelConfig config,
      CausalLm model,
      Checkpoint checkpoint,
      WeightTally tally,
      List<String> notices) {
    this.config = config;
    this.model = model;
    this.checkpoint = checkpoint;
    this.tally = tally;
    this.notices = List.copyOf(notices);
  }

  /** The model's shape. */
  public ModelConfig config() {
    return config;
  }

  /** Ready to run. */
  public CausalLm model() {
    return model;
  }

  /** The mapped files. */
  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /** What was accepted or converted and may be worth telling, one line each. */
  public List<String> notices() {
    return notices;
  }

  /** What the weights take as they are computed with. */
  public WeightMemory weightMemory() {
    return tally.memory();
  }

  WeightTally tally() {
    return tally;
  }

  /** Bytes of all weights as they are computed with. */
  public long weightBytes() {
    return weightMemory().byteSize();
  }

  /** Numbers that were learned. */
  public long parameterCount() {
    return weightMemory().elements();
  }

  /** What a sequence of this length takes, weights included. */
  public MemoryPlan memoryPlan(int tokens, KvPolicy policy) {
    return memoryPlan(tokens, policy, Device.CPU);
  }

  /** The same on a device, which unpacks weights in codes for products of many rows. */
  public MemoryPlan memoryPlan(int tokens, KvPolicy policy, Device device) {
    return MemoryPlan.of(config, weightBytes(), tokens, policy, device)
        .withScratch(device.isHost() ? 0 : UnpackedRange.BUFFERS * tally.largestUnpackedRange());
  }

  /** Reads the weights into memory ahead of their use, on the calling thread. */
  public void prefetch(LoadListener listener) {
    Prefetch.of(tally.inPlace()).run(listener);
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
