package io.vquant.model.loading;

import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.model.CausalLm;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import io.vquant.weights.Checkpoint;
import io.vquant.weights.StoredTensor;
import java.util.List;

/**
 * A model and the checkpoint that its weights are mapped from. Closing unmaps them: close it before
 * its backend, and only when no pass runs. Caches are closed apart.
 *
 * @param config the model's shape
 * @param model ready to run
 * @param checkpoint the mapped files
 * @param notices what was accepted or converted and may be worth telling, one line each
 */
public record LoadedModel(
    ModelConfig config, CausalLm model, Checkpoint checkpoint, List<String> notices)
    implements AutoCloseable {

  public LoadedModel {
    notices = List.copyOf(notices);
  }

  /** Bytes of all stored tensors. */
  public long weightBytes() {
    return checkpoint.weights().byteSize();
  }

  /** Numbers that were learned: elements of all stored tensors. */
  public long parameterCount() {
    return checkpoint.weights().tensors().stream().mapToLong(StoredTensor::elementCount).sum();
  }

  /** What a sequence of this length takes, weights included. */
  public MemoryPlan memoryPlan(int tokens, KvPolicy policy) {
    return MemoryPlan.of(config, weightBytes(), tokens, policy);
  }

  /** Reads the weights into memory ahead of their use, on the calling thread. */
  public void prefetch(LoadListener listener) {
    Prefetch.of(checkpoint).run(listener);
  }

  @Override
  public void close() {
    checkpoint.close();
  }
}
