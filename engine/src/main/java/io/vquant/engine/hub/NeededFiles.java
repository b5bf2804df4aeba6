package io.vquant.engine.hub;

import io.vquant.engine.hub.HubException.Reason;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.safetensors.ShardIndex;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Which files of a model the engine reads; nothing else is fetched. */
final class NeededFiles {
  static final String INDEX = "model.safetensors.index.json";
  private static final String CONFIG = "config.json";
  private static final String SINGLE = "model.safetensors";
  private static final String TEMPLATES = "additional_chat_templates/";
  private static final List<String> BESIDE_WEIGHTS =
      List.of(
          CONFIG,
          "generation_config.json",
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "chat_template.jinja",
          "chat_template.json");

  private final HubModel model;

  /**
   * Looks at a model.
   *
   * @throws HubException if there is none that the engine could read
   */
  NeededFiles(HubModel model) {
    this.model = model;
    if (!model.files().containsKey(CONFIG)) {
      throw unusable("has no " + CONFIG);
    }
    if (!model.files().containsKey(INDEX) && !model.files().containsKey(SINGLE)) {
      boolean other =
          model.files().keySet().stream()
              .anyMatch(name -> name.matches(".*\\.(bin|pth|gguf|onnx)"));
      throw unusable(
          "has no "
              + SINGLE
              + (other ? ", only weights in formats that this engine does not read" : ""));
    }
  }

  private HubException unusable(String reason) {
    return new HubException(Reason.UNUSABLE_MODEL, model.name() + ": " + reason, null);
  }

  /** Everything but the weights; the index of the shards, when there is one, first. */
  List<HubFile> beforeWeights() {
    List<HubFile> files = new ArrayList<>();
    if (model.files().containsKey(INDEX)) {
      files.add(required(INDEX));
    }
    for (HubFile file : model.files().values()) {
      boolean template = file.name().startsWith(TEMPLATES) && file.name().endsWith(".jinja");
      if (template || BESIDE_WEIGHTS.contains(file.name())) {
        files.add(required(file.name()));
      }
    }
    return files;
  }

  /** Whether there are shards, so that the index has to be read before {@link #weights}. */
  boolean hasShards() {
    return model.files().containsKey(INDEX);
  }

  /**
   * The weights.
   *
   * @param index the fetched index; not read when there are no shards
   * @throws HubException if it cannot be read, or names what is not there
   */
  List<HubFile> weights(Path index) {
    if (!hasShards()) {
      return List.of(required(SINGLE));
    }
    List<HubFile> shards = new ArrayList<>();
    try {
      for (String shard : new TreeSet<>(ShardIndex.read(index).weightMap().values())) {
        if (!HubFile.isHarmless(shard) || shard.contains("/")) {
          throw unusable(INDEX + " names a shard '" + shortened(shard) + "', expected a file name");
        }
        shards.add(required(shard));
      }
    } catch (MalformedCheckpointException e) {
      throw new HubException(Reason.UNUSABLE_MODEL, model.name() + ": " + e.getMessage(), e);
    }
    return shards;
  }

  private HubFile required(String name) {
    HubFile file = model.files().get(name);
    if (file == null) {
      throw unusable(INDEX + " names a shard '" + shortened(name) + "' that the hub does not list");
    }
    if (!HubFile.isHarmless(name)) {
      throw unusable("has a file '" + shortened(name) + "', a name that is not taken over");
    }
    return file;
  }

  private static String shortened(String name) {
    return name.length() <= 80 ? name : name.substring(0, 80) + "...";
  }
}
