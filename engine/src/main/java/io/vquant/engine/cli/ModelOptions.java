package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineOptions;
import io.vquant.engine.ModelShape;
import io.vquant.engine.NotEnoughMemoryException;
import io.vquant.kernels.backend.OutOfDeviceMemoryException;
import io.vquant.kernels.kvcache.UnfitPolicyException;
import io.vquant.kernels.quant.SymmetricInt;
import io.vquant.kernels.quant.UnfitSchemeException;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model runs, where and how: the options of every command that runs one. */
final class ModelOptions {
  static final int MAX_THREADS = 1024;

  @Mixin private ModelFolderOption folder;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      description = "auto, cpu, cuda:0 or reference (default: auto)")
  private String device = "auto";

  private @Nullable DeviceChoice choice;
  private boolean isDeviceSettled;

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
        "how keys and values are kept: auto (near lossless), f32, bf16, or in 8, 4 or 2 bits,",
        "such as k4v4,lines=1%,window=128,sinks=4,smooth=on,hadamard=on;",
        "@FILE.json has rules per layer (default: " + PolicyNames.DEFAULT_KV + ")"
      })
  private List<String> kv = new ArrayList<>();

  @Option(
      names = "--weights",
      paramLabel = "FORMAT",
      description = {
        "weights quantized while they are loaded: q8 or q4, with settings such as",
        "q4,group=64,outliers=3,head=q8; bf16 for weights that are stored so (default: as stored)"
      })
  private List<String> weights = new ArrayList<>();

  @Option(
      names = "--attention",
      paramLabel = "KIND",
      description = {
        "arithmetic of prefill attention: auto, exact, int8 or int4; auto is exact here. int8 and",
        "int4 compute queries and keys outside lines and window in so many bits, as a GPU would,",
        "and need a --kv that packs (default: auto)"
      })
  private String attention = "auto";

  ModelOptions() {
    folder = new ModelFolderOption();
  }

  /** The same options for plain lines. */
  void addTo(PlainLine line) {
    folder.addTo(line);
    line.text(value -> device = value, "--device");
    line.wholeNumber(value -> threads = Integer.valueOf(value), "-t", "--threads");
    line.wholeNumber(value -> contextLength = Integer.valueOf(value), "-c", "--context");
    line.texts(value -> kv.add(value), "--kv");
    line.texts(value -> weights.add(value), "--weights");
    line.text(value -> attention = value, "--attention");
  }

  /** Checks what needs no model; one KV cache policy at most. */
  void check() {
    if (kv.size() > 1) {
      throw CommandFailure.usage(
          "--kv " + String.join(", --kv ", kv) + ": this command runs one policy");
    }
    requireOneFormat();
    checkForPolicies();
  }

  /** The same, with any number of KV cache policies. */
  void checkForPolicies() {
    deviceChoice();
    kvPolicies().forEach(policy -> PolicyNames.kv("--kv", policy));
    requireBetween("--threads", threads, MAX_THREADS);
    requireBetween("--context", contextLength, Integer.MAX_VALUE);
    weights.forEach(format -> PolicyNames.weights("--weights", format));
    for (String policy : kvPolicies()) {
      if (prefill().isPresent() && PolicyNames.kv("--kv", policy).base().isPlain()) {
        throw CommandFailure.usage(
            "--attention "
                + attention
                + ": --kv "
                + policy
                + " implies exact; expected a --kv that packs");
      }
    }
  }

  /** Refuses several formats of weights. */
  void requireOneFormat() {
    if (weights.size() > 1) {
      throw CommandFailure.usage(
          "--weights " + String.join(", --weights ", weights) + ": this command runs one format");
    }
  }

  private Optional<SymmetricInt> prefill() {
    return switch (attention) {
      case "auto", "exact" -> Optional.empty();
      case "int8" -> Optional.of(SymmetricInt.INT8);
      case "int4" -> Optional.of(SymmetricInt.INT4);
      default ->
          throw CommandFailure.usage(
              "--attention " + attention + ": expected auto, exact, int8 or int4");
    };
  }

  /** What {@code --attention} comes to on this device. */
  String attentionKind() {
    return prefill().map(format -> format.name().toLowerCase(Locale.ROOT)).orElse("exact");
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
    Path nativeCache = withTokenizer ? nativeCache(context) : null;
    return open(context, output, folder.path(context), nativeCache, Engine::open);
  }

  /** Opens the model once more without tokenizer, with other weights. */
  Engine openWithWeights(CommandContext context, OutputOptions output, String format) {
    PolicyNames.weights("--against-weights", format);
    Path directory = folder.path(context);
    String stored = format.equals(PolicyNames.BF16) ? PolicyNames.STORED : format;
    return open(context, output, directory, null, stored, Engine::open);
  }

  /** The same with the tokenizer, for a command that runs several policies on one engine. */
  Engine openForPolicies(CommandContext context, OutputOptions output) {
    checkForPolicies();
    requireOneFormat();
    return open(context, output, folder.path(context), nativeCache(context), Engine::open);
  }

  /**
   * Opens the model without its tokenizer, for this many tokens unless {@code --context} says more.
   *
   * @param format of the weights
   * @throws IllegalArgumentException if it has not so much context; names both numbers
   */
  Engine openForTokens(CommandContext context, OutputOptions output, String format, int tokens) {
    Path directory = folder.path(context);
    return open(context, output, directory, null, format, forTokens(tokens, Engine::open));
  }

  /** The same for random weights in place of a folder's. */
  Engine openRandom(
      CommandContext context, OutputOptions output, ModelShape shape, String format, int tokens) {
    Path name = Path.of(shape.label());
    return open(
        context,
        output,
        name,
        null,
        format,
        forTokens(tokens, options -> Engine.openRandom(shape, options)));
  }

  private Function<EngineOptions, Engine> forTokens(
      int tokens, Function<EngineOptions, Engine> opener) {
    return options ->
        opener.apply(contextLength == null ? options.withContextLength(tokens) : options);
  }

  private Engine open(
      CommandContext context,
      OutputOptions output,
      Path directory,
      @Nullable Path nativeCache,
      Function<EngineOptions, Engine> opener) {
    return open(context, output, directory, nativeCache, weightFormats().getFirst(), opener);
  }

  private Engine open(
      CommandContext context,
      OutputOptions output,
      Path directory,
      @Nullable Path nativeCache,
      String format,
      Function<EngineOptions, Engine> opener) {
    EngineOptions options =
        EngineOptions.of(directory, nativeCache)
            .withThreads(threads())
            .withKvPolicy(PolicyNames.kv("--kv", kvPolicies().getFirst()))
            .withPrefill(prefill())
            .withWeights(PolicyNames.weights("--weights", format));
    if (contextLength != null) {
      options = options.withContextLength(contextLength);
    }
    EngineLoading loading = new EngineLoading(context, output);
    return onFittingDevice(
        options, complete -> loading.open(complete, given -> open(given, format, opener)));
  }

  /**
   * Where nobody asked for a device, one that lacks the memory is no reason to refuse. Models that
   * are compared run on one device, so the first that opens settles it.
   */
  private Engine onFittingDevice(EngineOptions options, Function<EngineOptions, Engine> opener) {
    DeviceChoice first = deviceChoice();
    Engine engine;
    try {
      engine = opener.apply(options.withDevice(first.device()));
    } catch (NotEnoughMemoryException | OutOfDeviceMemoryException e) {
      if (isDeviceSettled || !first.isAutomatic() || first.device().isHost()) {
        throw e;
      }
      choice = first.onCpu(e.getMessage());
      engine = opener.apply(options.withDevice(Device.CPU));
    }
    isDeviceSettled = true;
    return engine;
  }

  private Engine open(
      EngineOptions options, String format, Function<EngineOptions, Engine> opener) {
    Engine engine;
    try {
      engine = opener.apply(options);
    } catch (IllegalArgumentException e) {
      if (contextLength == null
          || e instanceof UnfitPolicyException
          || e instanceof UnfitSchemeException) {
        throw e;
      }
      throw CommandFailure.usage("--" + e.getMessage()); // more than the model's limit
    }
    if (format.equals(PolicyNames.BF16) && !isBf16(engine)) {
      String stored = engine.config().dtype().orElse("an unnamed type");
      WeightPolicy codes = engine.weights();
      engine.close();
      throw CommandFailure.usage(
          "--weights bf16: these weights are stored as "
              + (codes.quantizes() ? codes.toString() : stored));
    }
    return engine;
  }

  private static boolean isBf16(Engine engine) {
    return !engine.weights().quantizes() && engine.config().dtype().orElse("").equals("bfloat16");
  }

  /** The formats given, or the default alone. */
  List<String> weightFormats() {
    return weights.isEmpty() ? List.of(PolicyNames.STORED) : List.copyOf(weights);
  }

  /** Where the tokenizer's native library is unpacked. */
  static Path nativeCache(CommandContext context) {
    return context.cacheFolder().resolve("native");
  }

  /** The model's folder. */
  Path folder(CommandContext context) {
    return folder.path(context);
  }

  /** Where to run; found once, since trying a device takes time, and settled by opening. */
  DeviceChoice deviceChoice() {
    if (choice == null) {
      choice = DeviceChoice.parse(device);
    }
    return choice;
  }

  /** The one line of {@code auto}: which device it chose, and why. */
  void tellDevice(CommandContext context, OutputOptions output) {
    if (!output.quiet() && deviceChoice().isAutomatic()) {
      context.console().message(deviceChoice().describe());
    }
  }

  int threads() {
    return threads == null ? Runtime.getRuntime().availableProcessors() : threads;
  }

  /** The policy with all its settings. */
  String kvPolicy() {
    return PolicyNames.kv("--kv", kvPolicies().getFirst()).toString();
  }

  /** Whether {@code --kv} names a policy. */
  boolean isKvGiven() {
    return !kv.isEmpty();
  }

  /** The policies given, or the default alone. */
  List<String> kvPolicies() {
    return kv.isEmpty() ? List.of(PolicyNames.DEFAULT_KV) : List.copyOf(kv);
  }

  /** What {@code --context} was given, if it was. */
  @Nullable Integer contextLength() {
    return contextLength;
  }

  /** Whether {@code --model} names one. */
  boolean isModelGiven() {
    return folder.isGiven();
  }

  /** How reports name the model. */
  String modelName() {
    return folder.name();
  }
}
