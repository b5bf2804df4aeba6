package io.vquant.model.architectures;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.model.CausalLm;
import io.vquant.model.ModelConfig;
import io.vquant.model.config.ConfigFields;
import io.vquant.model.config.ConfigJson;
import io.vquant.model.layers.ParameterSource;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** The families that this engine runs; a new one is a class and a line here. */
public final class Architectures {
  private static final List<Architecture> ALL =
      List.of(new Llama(), new Mistral(), new Qwen2(), new Qwen3(), new SmolLm3());

  private Architectures() {}

  /** Hugging Face class names of all families. */
  public static List<String> supported() {
    return ALL.stream().map(Architecture::className).toList();
  }

  /**
   * Reads a {@code config.json}.
   *
   * @throws io.vquant.model.MalformedConfigException if it is damaged or not supported
   */
  public static ModelConfig readConfig(Path file) {
    return readConfig(ConfigJson.read(file));
  }

  /** As {@link #readConfig(Path)}, of bytes that stand for the file. */
  public static ModelConfig parseConfig(Path file, byte[] json) {
    return readConfig(ConfigJson.parse(file, json));
  }

  /** The model with these parameters, on this backend. */
  public static CausalLm build(
      ModelConfig config, ParameterSource parameters, KernelBackend backend) {
    return new DecoderOnlyLm(config, parameters, backend);
  }

  private static ModelConfig readConfig(ConfigFields config) {
    return ConfigReader.read(config, familyOf(config));
  }

  /** By {@code architectures}, or by {@code model_type} where that is absent; both must agree. */
  private static Architecture familyOf(ConfigFields config) {
    List<String> classNames = config.optionalTexts("architectures");
    Optional<String> modelType = config.optionalText("model_type");
    String supported = "one of " + supported().stream().collect(Collectors.joining(", "));
    if (classNames == null || classNames.isEmpty()) {
      if (modelType.isEmpty()) {
        throw config.bad("architectures", supported);
      }
      return find(family -> family.modelType().equals(modelType.get()))
          .orElseThrow(() -> config.bad("model_type", "the model type of " + supported));
    }
    String className = classNames.getFirst();
    Architecture family =
        find(candidate -> candidate.className().equals(className))
            .orElseThrow(() -> config.bad("architectures", className, supported));
    if (modelType.isPresent() && !modelType.get().equals(family.modelType())) {
      throw config.bad("model_type", family.modelType() + ", as architectures is " + className);
    }
    return family;
  }

  private static Optional<Architecture> find(Predicate<Architecture> condition) {
    return ALL.stream().filter(condition).findFirst();
  }
}
