package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineOptions;
import io.vquant.engine.LoadProgress;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.UnfitPolicyException;
import io.vquant.model.MemoryPlan;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model runs, where and how: the options of every command that runs one. */
final class ModelOptions {
  private static final int MAX_THREADS = 1024;

  @Mixin private ModelFolderOption folder;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "auto, cpu, cuda:0 or reference (default: auto)")
  private String device = "auto";

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      description = "threads that compute (default: the cores this process may use)")
  private @Nullable Integer threads;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "most tokens of prompt and answer (default: the model's limit)")
  private @Nullable Integer contextLength;

  @Option(
      names = "--kv",
      paramLabel = "POLICY",
      description = {
        "how keys and values are kept: f32, bf16, or keys and values in 8, 4 or 2 bits,",
        "such as k4v4,lines=1%%,window=128,sinks=4,smooth=on,hadamard=on;",
        "@FILE.json has rules per layer (default: ${DEFAULT-VALUE})"
      })
  private String kv = "bf16";

  @Option(
      names = "--weights",
      paramLabel = "FORMAT",
      description = "bf16 for weights that are stored so (default: as stored)")
  private @Nullable String weights;

  @Option(
      names = "--attention",
      paramLabel = "KIND",
      description = "arithmetic of prefill attention: auto or exact, here the same (default: auto)")
  private String attention = "auto";

  ModelOptions() {
    folder = new ModelFolderOption();
  }

  /** Checks what needs no model. */
  void check() {
    DeviceChoice.parse(device);
    kvPolicy("--kv", kv);
    requireBetween("--threads", threads, MAX_THREADS);
    requireBetween("--context", contextLength, Integer.MAX_VALUE);
    if (weights != null && !weights.equals("bf16")) {
      throw CommandFailure.usage(
          "--weights " + weights + ": expected bf16, or nothing (as stored)");
    }
    if (!attention.equals("auto") && !attention.equals("exact")) {
      throw CommandFailure.usage("--attention " + attention + ": expected auto or exact");
    }
  }

  private static void requireBetween(String option, @Nullable Integer value, int most) {
    if (value != null && (value < 1 || value > most)) {
      String upTo = most == Integer.MAX_VALUE ? "1 or more" : "1 to " + most;
      throw CommandFailure.usage(option + " " + value + ": expected " + upTo);
    }
  }

  /**
   * Opens the model, with a bar while it loads.
   *
   * @param withTokenizer whether the command needs one
   */
  Engine open(CommandContext context, OutputOptions output, boolean withTokenizer) {
    check();
    Path directory = folder.path(context);
    try (ProgressBar bar =
        ProgressBar.ofBytes(context.console().err(), "loading", System.nanoTime())) {
      EngineOptions options =
          EngineOptions.of(directory, withTokenizer ? nativeCache(context) : null)
              .withDevice(deviceChoice().device())
              .withThreads(threads())
              .withKvPolicy(kvPolicy("--kv", kv));
      if (contextLength != null) {
        options = options.withContextLength(contextLength);
      }
      return open(options.withLoadProgress(progress(context, output, bar)));
    }
  }

  private static LoadProgress progress(
      CommandContext context, OutputOptions output, ProgressBar bar) {
    return new LoadProgress() {
      @Override
      public void advanced(long doneBytes, long totalBytes) {
        if (output.showsProgress()) {
          bar.update(doneBytes, totalBytes, System.nanoTime());
        }
      }

      @Override
      public void planned(MemoryPlan plan) {
        if (output.debug()) {
          context.console().message("plan: " + describe(plan));
        }
      }
    };
  }

  private static String describe(MemoryPlan plan) {
    return "weights %s, KV cache %s for %d tokens (%s a layer), scratch %s"
        .formatted(
            Quantities.bytes(plan.weightByteSize()),
            Quantities.bytes(plan.cacheByteSize()),
            plan.tokens(),
            Quantities.bytes(plan.cacheByteSize() / plan.layers()),
            Quantities.bytes(plan.scratchByteSize()));
  }

  private Engine open(EngineOptions options) {
    Engine engine;
    try {
      engine = Engine.open(options);
    } catch (IllegalArgumentException e) {
      if (contextLength == null || e instanceof UnfitPolicyException) {
        throw e;
      }
      throw CommandFailure.usage("--" + e.getMessage()); // more than the model's limit
    }
    if (weights != null && !engine.config().dtype().orElse("").equals("bfloat16")) {
      String stored = engine.config().dtype().orElse("an unnamed type");
      engine.close();
      throw CommandFailure.usage("--weights bf16: these weights are stored as " + stored);
    }
    return engine;
  }

  /** Where the tokenizer's native library is unpacked. */
  static Path nativeCache(CommandContext context) {
    return context.cacheFolder().resolve("native");
  }

  /** The model's folder. */
  Path folder(CommandContext context) {
    return folder.path(context);
  }

  DeviceChoice deviceChoice() {
    return DeviceChoice.parse(device);
  }

  int threads() {
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }

  /** The policy's name as a user writes it. */
  String kvPolicy() {
    return kv;
  }

  /** Reads the policy that {@code option} was given. */
  static KvPolicy kvPolicy(String option, String policy) {
    try {
      return policy.startsWith("@")
          ? KvPolicyFile.read(policy.substring(1))
          : KvPolicy.parse(policy);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(option + " " + policy + ": " + e.getMessage());
    }
  }

  /** What {@code --context} was given, if it was. */
  @Nullable Integer contextLength() {
    return contextLength;
  }

  /** How reports name the model. */
  String modelName() {
    return folder.name();
  }

  /** The one option of commands that only look at a folder. */
  static final class ModelFolderOption {
    @Option(
        names = {"-m", "--model"},
        paramLabel = "DIR",
        description = "a Hugging Face model folder (default: the bundled model)")
    private @Nullable String model;

    /** The folder; the bundled model's is unpacked when it is not there. */
    Path path(CommandContext context) {
      if (model == null) {
        return BundledModel.open().unpack(context.cacheFolder());
      }
      try {
        return Path.of(model);
      } catch (InvalidPathException e) {
        throw CommandFailure.badModel("--model " + model + ": not a file name: " + e.getReason());
      }
    }

    String name() {
      return model == null ? BundledModel.NAME : model;
    }
  }
}
