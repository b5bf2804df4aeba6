package io.vquant.model.loading;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.UnfitSchemeException;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.model.CausalLm;
import io.vquant.model.ModelConfig;
import io.vquant.model.architectures.Architectures;
import io.vquant.weights.Checkpoint;
import io.vquant.weights.WeightScope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Opens model folders as the Hugging Face hub lays them out. */
public final class ModelLoader {
  /** The file that says what a model is. */
  public static final String CONFIG_FILE = "config.json";

  private ModelLoader() {}

  /**
   * Reads and checks {@code config.json} alone.
   *
   * @throws io.vquant.model.MalformedConfigException if it is damaged or not supported
   */
  public static ModelConfig readConfig(Path modelDir) {
    return Architectures.readConfig(modelDir.resolve(CONFIG_FILE));
  }

  /** As the other, with weights as they are stored. */
  public static LoadedModel load(Path modelDir, KernelBackend backend, LoadListener listener) {
    return load(modelDir, backend, WeightPolicy.STORED, listener);
  }

  /**
   * Loads a model: config, headers of the weight files, every shape. Values are not read where the
   * backend can use them in place ({@link LoadedModel#prefetch} reads them ahead); they are where
   * weights are quantized, matrix by matrix.
   *
   * @param backend runs the model and owns its buffers; must outlive it
   * @param policy what to quantize; a folder of quantized weights takes its own or {@link
   *     WeightPolicy#STORED}
   * @param listener told of bytes mapped, or where the device has memory of its own, copied there,
   *     or quantized
   * @throws io.vquant.model.MalformedConfigException if the config is damaged or not supported
   * @throws io.vquant.weights.MalformedCheckpointException if the weights are damaged or are not
   *     those of the config
   * @throws UnfitSchemeException if weights cannot be quantized so
   */
  public static LoadedModel load(
      Path modelDir, KernelBackend backend, WeightPolicy policy, LoadListener listener) {
    ModelConfig config = readConfig(modelDir);
    WeightPolicy toQuantize = toQuantize(policy, config);
    boolean inPlace = backend.device().isHost() && !toQuantize.quantizes();
    Checkpoint checkpoint =
        Checkpoint.open(modelDir, inPlace ? listener::progress : LoadListener.NONE::progress);
    try {
      LeftoverTensors.requireLayerCount(config, checkpoint.weights());
      WeightScope root = WeightScope.of(checkpoint.weights());
      long byteSize = checkpoint.weights().byteSize();
      TensorBridge bridge = new TensorBridge(backend, listener, byteSize);
      WeightTally tally = new WeightTally();
      WeightConversion conversion = new WeightConversion(backend, bridge, toQuantize, tally);
      StoredCodes codes = new StoredCodes(config.storedWeights());
      CausalLm model =
          Architectures.build(config, new CheckpointParameters(root, conversion, codes), backend);
      LeftoverTensors.requireAllRead(config, root);
      List<String> notices = new ArrayList<>(config.notices());
      notices.addAll(bridge.notices());
      if (config.tieWordEmbeddings() && root.contains("lm_head.weight")) {
        notices.add("tie_word_embeddings is true, but lm_head.weight is stored and used");
      }
      return new LoadedModel(config, model, checkpoint, tally, notices);
    } catch (Throwable failure) {
      checkpoint.close();
      throw failure;
    }
  }

  /** What is left to do of a policy when weights may be stored in codes already. */
  private static WeightPolicy toQuantize(WeightPolicy policy, ModelConfig config) {
    WeightPolicy stored = config.storedWeights();
    if (stored.quantizes() && policy.quantizes() && !policy.equals(stored)) {
      throw new UnfitSchemeException(
          "%s: the weights of %s are stored as %s"
              .formatted(policy, config.file().toAbsolutePath().getParent(), stored));
    }
    return stored.quantizes() ? WeightPolicy.STORED : policy;
  }
}
