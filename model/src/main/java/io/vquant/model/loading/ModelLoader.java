package io.vquant.model.loading;

import io.vquant.kernels.backend.KernelBackend;
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

  /**
   * Loads a model: config, headers of the weight files, every shape. Values are not read where the
   * backend can use them in place; {@link Prefetch} reads them ahead.
   *
   * @param backend runs the model and owns its buffers; must outlive it
   * @param listener told of bytes mapped, or where the device has memory of its own, copied there
   * @throws io.vquant.model.MalformedConfigException if the config is damaged or not supported
   * @throws io.vquant.weights.MalformedCheckpointException if the weights are damaged or are not
   *     those of the config
   */
  public static LoadedModel load(Path modelDir, KernelBackend backend, LoadListener listener) {
    ModelConfig config = readConfig(modelDir);
    boolean inPlace = backend.device().isHost();
    Checkpoint checkpoint =
        Checkpoint.open(modelDir, inPlace ? listener::progress : LoadListener.NONE::progress);
    try {
      LeftoverTensors.requireLayerCount(config, checkpoint.weights());
      WeightScope root = WeightScope.of(checkpoint.weights());
      TensorBridge bridge = new TensorBridge(backend, listener, checkpoint.weights().byteSize());
      CausalLm model = Architectures.build(config, new CheckpointParameters(root, bridge), backend);
      LeftoverTensors.requireAllRead(config, root);
      List<String> notices = new ArrayList<>(config.notices());
      notices.addAll(bridge.notices());
      if (config.tieWordEmbeddings() && root.contains("lm_head.weight")) {
        notices.add("tie_word_embeddings is true, but lm_head.weight is stored and used");
      }
      return new LoadedModel(config, model, checkpoint, notices);
    } catch (Throwable failure) {
      checkpoint.close();
      throw failure;
    }
  }
}
