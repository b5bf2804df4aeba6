package io.vquant.model.loading;

import io.vquant.model.MalformedConfigException;
import io.vquant.model.ModelConfig;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.WeightScope;
import io.vquant.weights.WeightStore;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Holds the checkpoint against the config: no layer too few or too many, no tensor unused. */
final class LeftoverTensors {
  private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(0|[1-9][0-9]{0,8})\\..*");

  /** Buffers that older versions of transformers saved; they follow from the config. */
  private static final Pattern HARMLESS = Pattern.compile(".*\\.rotary_emb\\.inv_freq");

  private LeftoverTensors() {}

  /** Before anything is read: the layers in the files are those of the config. */
  static void requireLayerCount(ModelConfig config, WeightStore weights) {
    SortedSet<Integer> found = new TreeSet<>();
    for (String name : weights.names()) {
      Matcher layer = LAYER.matcher(name);
      if (layer.matches() && !HARMLESS.matcher(name).matches()) {
        found.add(Integer.valueOf(layer.group(1)));
      }
    }
    int numLayers = config.numHiddenLayers();
    if (!found.isEmpty() && (found.size() != numLayers || found.last() != numLayers - 1)) {
      throw new MalformedConfigException(
          config.file(),
          "num_hidden_layers",
          Integer.toString(numLayers),
          found.size() + ": the weights hold layers " + found.first() + " to " + found.last());
    }
  }

  /** After the model was built: whatever was not read has no part in the result. */
  static void requireAllRead(ModelConfig config, WeightScope root) {
    for (String name : root.unread()) {
      if (!HARMLESS.matcher(name).matches()) {
        throw new MalformedCheckpointException(
            config.file().toAbsolutePath().getParent(),
            name,
            MalformedCheckpointException.UNKNOWN_OFFSET,
            "only tensors that " + config.architecture() + " with this config uses",
            "one more");
      }
    }
  }
}
