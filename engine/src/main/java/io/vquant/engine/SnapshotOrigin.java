package io.vquant.engine;

import io.vquant.engine.runtime.FileSums;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** What a KV cache was made with: a snapshot of it is of use to nothing else. */
final class SnapshotOrigin {
  private SnapshotOrigin() {}

  static SortedMap<String, String> of(EngineOptions options, KvCacheSpec spec) throws IOException {
    SortedMap<String, String> origin = new TreeMap<>();
    origin.put("model", FileSums.ofModel(options.modelDirectory()));
    origin.put("tokenizer", FileSums.ofTokenizer(options.modelDirectory()));
    origin.put("weights", options.weights().toString());
    origin.put("shape", spec.numLayers() + " x " + spec.numKvHeads() + " x " + spec.headDim());
    origin.put("policy", policies(spec.layers()));
    return origin;
  }

  /** Runs of layers that are alike. */
  private static String policies(List<KvLayerSpec> layers) {
    List<String> runs = new ArrayList<>();
    String last = "";
    for (int i = 0; i < layers.size(); i++) {
      String policy = layers.get(i).policy().toString();
      if (!policy.equals(last)) {
        runs.add(i == 0 ? policy : "from layer " + i + ": " + policy);
      }
      last = policy;
    }
    return String.join("; ", runs);
  }
}
