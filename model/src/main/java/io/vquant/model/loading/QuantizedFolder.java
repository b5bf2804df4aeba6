package io.vquant.model.loading;

import io.vquant.kernels.quant.Outliers;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.model.ModelConfig;
import io.vquant.model.config.StoredWeights;
import io.vquant.weights.ElementType;
import io.vquant.weights.StoredTensor;
import io.vquant.weights.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a model folder whose matrices are in codes ({@link StoredCodes} has the layout), with a
 * {@code config.json} that says so ({@link StoredWeights}) and what else the model needs. The
 * folder appears under its name only when it is complete.
 */
public final class QuantizedFolder {
  /** Vectors of the widest machine read codes without crossing lines of the cache. */
  private static final int ALIGNMENT = 64;

  /** What belongs to a model beside weights and config. */
  private static final Pattern COMPANION =
      Pattern.compile(
          "tokenizer.*|vocab.*|merges\\.txt|special_tokens_map\\.json|added_tokens\\.json"
              + "|generation_config\\.json|chat_template.*|LICENSE.*|NOTICE.*");

  private QuantizedFolder() {}

  /**
   * Writes a model that was quantized while it was loaded.
   *
   * @param source the folder that it was loaded from
   * @param target must not exist; its parent must
   * @param policy that it was quantized by
   * @throws IOException if a file cannot be read or written; nothing is left then
   */
  public static void write(LoadedModel model, Path source, Path target, WeightPolicy policy)
      throws IOException {
    Path unfinished = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID());
    Files.createDirectory(unfinished);
    try {
      writeWeights(model, unfinished.resolve("model.safetensors"), policy);
      writeConfig(model.config(), unfinished.resolve(ModelLoader.CONFIG_FILE), policy);
      copyCompanions(source, unfinished);
      Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      deleteFolder(unfinished);
    }
  }

  private static void writeWeights(LoadedModel model, Path file, WeightPolicy policy)
      throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter().alignment(ALIGNMENT);
    writer.metadata("format", StoredWeights.METHOD);
    writer.metadata("version", Integer.toString(StoredWeights.VERSION));
    writer.metadata("weights", policy.toString());
    for (StoredTensor tensor : model.tally().inPlace()) {
      writer.add(tensor);
    }
    for (Map.Entry<String, QuantizedWeight> entry : model.tally().quantized().entrySet()) {
      add(writer, entry.getKey(), entry.getValue());
    }
    writer.write(file);
  }

  private static void add(SafetensorsWriter writer, String name, QuantizedWeight weight) {
    PanelLayout layout = weight.layout();
    writer.add(
        name + StoredCodes.CODES,
        StoredCodes.codesType(layout),
        StoredCodes.codesShape(layout),
        QuantizedWeight.segment(weight.codes()));
    List<Long> grid = StoredCodes.gridShape(layout);
    MemorySegment scales = QuantizedWeight.segment(weight.scales());
    writer.add(name + StoredCodes.SCALES, ElementType.F16, grid, scales);
    if (layout.scheme().isAsymmetric()) {
      MemorySegment zeros = QuantizedWeight.segment(weight.zeros());
      writer.add(name + StoredCodes.ZEROS, ElementType.F16, grid, zeros);
    }
    if (layout.scheme().keepsOutliers()) {
      Outliers outliers = weight.outliers();
      addInts(writer, name + StoredCodes.OUTLIER_STARTS, outliers.starts());
      addInts(writer, name + StoredCodes.OUTLIER_PLACES, outliers.places());
      writer.add(
          name + StoredCodes.OUTLIER_DIFFERENCES,
          ElementType.F32,
          List.of((long) outliers.count()),
          MemorySegment.ofArray(outliers.differences()));
    }
  }

  private static void addInts(SafetensorsWriter writer, String name, int[] values) {
    List<Long> shape = List.of((long) values.length);
    writer.add(name, ElementType.I32, shape, MemorySegment.ofArray(values));
  }

  private static void writeConfig(ModelConfig config, Path file, WeightPolicy policy)
      throws IOException {
    ObjectNode json = (ObjectNode) config.raw().deepCopy();
    ObjectNode quantization = json.objectNode();
    quantization.put("quant_method", StoredWeights.METHOD);
    quantization.put("version", StoredWeights.VERSION);
    quantization.put("weights", policy.toString());
    json.set(StoredWeights.FIELD, quantization);
    Files.write(file, JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
  }

  private static void copyCompanions(Path source, Path target) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(source)) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        if (COMPANION.matcher(name).matches() && Files.isRegularFile(file)) {
          Files.copy(file, target.resolve(name));
        }
      }
    }
  }

  /** What is left of a folder that was not finished; it holds files only. */
  private static void deleteFolder(Path folder) throws IOException {
    if (Files.notExists(folder)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }
}
