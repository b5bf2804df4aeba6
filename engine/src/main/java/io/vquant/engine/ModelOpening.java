package io.vquant.engine;

import io.vquant.engine.runtime.WeightFiles;
import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import io.vquant.model.loading.RandomModel;
import io.vquant.model.loading.WeightPlan;

/**
 * Brings a model's weights to a device, of a folder or random ones: the same plan of memory, checks
 * and progress for both. What fails leaves nothing open.
 */
final class ModelOpening {
  private final EngineOptions options;
  private final ModelConfig config;

  /** Where the weights come from. */
  @FunctionalInterface
  private interface Weights {
    LoadedModel load(KernelBackend backend);
  }

  private ModelOpening(EngineOptions options, ModelConfig config) {
    this.options = options;
    this.config = config;
  }

  /** The model of the options' folder, whose configuration has been read. */
  static ModelOnDevice ofFolder(EngineOptions options, ModelConfig config) {
    ModelOpening opening = new ModelOpening(options, config);
    return opening.open(WeightFiles.byteSize(options.modelDirectory()), opening::loadFolder);
  }

  /** A model of random weights; the options' folder is not read. */
  static ModelOnDevice ofRandom(EngineOptions options, ModelConfig config) {
    LoadProgress progress = options.loadProgress();
    return new ModelOpening(options, config)
        .open(
            RandomModel.byteSize(config),
            backend -> RandomModel.make(config, backend, options.weights(), progress::advanced));
  }

  private ModelOnDevice open(long storedByteSize, Weights weights) {
    MemoryPlan plan =
        MemoryPlan.of(
                config,
                WeightPlan.byteSize(config, storedByteSize, options.weights()),
                contextLength(),
                options.kvPolicy(),
                options.device())
            .withScratch(WeightPlan.scratchByteSize(config, options.weights(), options.device()));
    KernelBackend backend =
        Backends.open(options.device(), new BackendOptions(options.threads(), options.prefill()));
    try {
      requireMemory(plan, ModelOnDevice.availableBytes(backend));
      options.loadProgress().planned(plan);
      return new ModelOnDevice(backend, weights.load(backend), plan.tokens());
    } catch (Throwable failure) {
      backend.close();
      throw failure;
    }
  }

  private int contextLength() {
    int limit = config.maxPositionEmbeddings();
    if (options.contextLength() > limit) {
      throw new IllegalArgumentException(
          "context " + options.contextLength() + ": the model's limit is " + limit);
    }
    return options.contextLength() == EngineOptions.MODEL_LIMIT ? limit : options.contextLength();
  }

  private static void requireMemory(MemoryPlan plan, long availableBytes) {
    if (plan.totalByteSize() > availableBytes) {
      throw new NotEnoughMemoryException(
          "not enough memory for "
              + plan.tokens()
              + " tokens of context (weights "
              + NotEnoughMemoryException.mebibytes(plan.weightByteSize())
              + ", KV cache "
              + NotEnoughMemoryException.mebibytes(plan.cacheByteSize())
              + ", scratch "
              + NotEnoughMemoryException.mebibytes(plan.scratchByteSize())
              + ")",
          plan.totalByteSize(),
          availableBytes);
    }
  }

  /** Mapped weights have come when they have been read ahead, all others when they are loaded. */
  private LoadedModel loadFolder(KernelBackend backend) {
    LoadProgress progress = options.loadProgress();
    boolean mapped = backend.device().isHost() && !options.weights().quantizes();
    LoadedModel loaded =
        ModelLoader.load(
            options.modelDirectory(),
            backend,
            options.weights(),
            mapped ? LoadListener.NONE : progress::advanced);
    if (!backend.device().isHost()) {
      return loaded;
    }
    try {
      loaded.prefetch(mapped ? progress::advanced : LoadListener.NONE);
      return loaded;
    } catch (Throwable failure) {
      loaded.close();
      throw failure;
    }
  }
}
