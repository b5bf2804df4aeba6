package io.vquant.model.loading;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.model.CausalLm;
import io.vquant.model.ModelConfig;
import io.vquant.model.architectures.Architectures;
import io.vquant.weights.Checkpoint;
import io.vquant.weights.StoredTensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Models of a given shape with random BF16 weights, so that speed can be measured with no weights
 * at hand. The same config gives the same weights on every machine.
 */
public final class RandomModel {
  private static final int ELEMENT_BYTES = 2;

  private RandomModel() {}

  /**
   * Makes one.
   *
   * @param config not read from a folder: {@link ModelConfig#file} only names the model
   * @param backend runs the model and owns its buffers; must outlive it
   * @param policy what to quantize
   * @param listener told of bytes made
   */
  public static LoadedModel make(
      ModelConfig config, KernelBackend backend, WeightPolicy policy, LoadListener listener) {
    Arena arena = Arena.ofShared();
    try {
      List<StoredTensor> tensors = new ArrayList<>();
      WeightTally tally = new WeightTally();
      TensorBridge bridge = new TensorBridge(backend, LoadListener.NONE, byteSize(config));
      WeightConversion conversion = new WeightConversion(backend, bridge, policy, tally);
      RandomParameters parameters =
          new RandomParameters(
              config.file(),
              arena,
              conversion,
              tensors,
              byteSize -> listener.progress(byteSize, byteSize(config)));
      CausalLm model = Architectures.build(config, parameters, backend);
      Checkpoint checkpoint = Checkpoint.inMemory(config.file(), arena, tensors);
      return new LoadedModel(config, model, checkpoint, tally, config.notices());
    } catch (Throwable failure) {
      arena.close();
      throw failure;
    }
  }

  /** Bytes of the weights that {@link #make} makes. */
  public static long byteSize(ModelConfig config) {
    long hidden = config.hiddenSize();
    long queries = config.queryColumns();
    long keys = config.keyValueColumns();
    long inner = config.intermediateSize();
    ModelConfig.Biases biases = config.biases();
    long layer = 2 * hidden * queries + 2 * hidden * keys + 3 * hidden * inner + 2 * hidden;
    layer += biases.queryKeyValue() ? queries + 2 * keys : 0;
    layer += biases.attentionOutput() ? hidden : 0;
    layer += biases.mlp() ? 2 * inner + hidden : 0;
    layer += config.queryKeyNorm() ? 2L * config.headDim() : 0;
    long embeddings = (config.tieWordEmbeddings() ? 1L : 2L) * config.vocabSize() * hidden;
    return ELEMENT_BYTES * (embeddings + config.numHiddenLayers() * layer + hidden);
  }
}
