package io.vquant.engine.cli;

import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.KvPolicy.LayerRule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * A KV policy with rules for some layers:
 *
 * <pre>
 * {"kv": "k4v4,lines=1%", "rules": [{"layers": "0-1", "kv": "bf16"}, {"layers": "7", "kv": "k8v4"}]}
 * </pre>
 */
final class KvPolicyFile {
  private static final long MAX_BYTES = 1 << 20;
  private final String file;

  private KvPolicyFile(String file) {
    this.file = file;
  }

  /**
   * Reads a policy.
   *
   * @throws CommandFailure if the file cannot be read or is not a policy
   */
  static KvPolicy read(String file) {
    return new KvPolicyFile(file).policy();
  }

  private KvPolicy policy() {
    if (!(json() instanceof Map<?, ?> object)) {
      throw bad("the file", "an object with kv and rules");
    }
    requireFields(object, "", List.of("kv", "rules"));
    KvLayerPolicy base = layerPolicy(object.get("kv"), "kv");
    List<LayerRule> rules = new ArrayList<>();
    if (object.get("rules") instanceof List<?> list) {
      for (Object rule : list) {
        rules.add(rule(rule, "rules[" + rules.size() + "]"));
      }
    } else if (object.get("rules") != null) {
      throw bad("rules", "a list");
    }
    try {
      return new KvPolicy(base, rules, false);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.badInput(file + ": " + e.getMessage(), e);
    }
  }

  private @Nullable Object json() {
    try {
      Path path = Path.of(file);
      if (Files.isRegularFile(path) && Files.size(path) > MAX_BYTES) {
        throw bad("the file", "at most 1 MiB");
      }
      return JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build()
          .readValue(Files.readString(path), Object.class);
    } catch (IOException | InvalidPathException e) {
      throw CommandFailure.badInput(file + ": cannot be read: " + e, e);
    } catch (JacksonException e) {
      throw CommandFailure.badInput(file + ": not JSON: " + e.getOriginalMessage(), e);
    }
  }

  private LayerRule rule(@Nullable Object value, String place) {
    if (!(value instanceof Map<?, ?> object)) {
      throw bad(place, "an object with layers and kv");
    }
    requireFields(object, place + ".", List.of("layers", "kv"));
    KvLayerPolicy policy = layerPolicy(object.get("kv"), place + ".kv");
    String layers = String.valueOf(object.get("layers"));
    int dash = layers.indexOf('-');
    try {
      int first = Integer.parseInt(dash < 0 ? layers : layers.substring(0, dash));
      int last = dash < 0 ? first : Integer.parseInt(layers.substring(dash + 1));
      return new LayerRule(first, last, policy);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.badInput(
          file + ": " + place + ".layers is " + layers + ": expected a number or a range as 0-3",
          e);
    }
  }

  private KvLayerPolicy layerPolicy(@Nullable Object value, String place) {
    if (!(value instanceof String text)) {
      throw bad(place, "a string such as \"k4v4,lines=1%\"");
    }
    try {
      return KvPolicy.parse(text).base();
    } catch (IllegalArgumentException e) {
      throw CommandFailure.badInput(file + ": " + place + " is " + text + ": " + e.getMessage(), e);
    }
  }

  private void requireFields(Map<?, ?> object, String place, List<String> known) {
    for (Object name : object.keySet()) {
      if (!known.contains(name)) {
        throw CommandFailure.badInput(
            file + ": unknown field " + place + name + ": expected " + String.join(" and ", known));
      }
    }
  }

  private CommandFailure bad(String field, String expected) {
    return CommandFailure.badInput(file + ": " + field + ": expected " + expected);
  }
}
