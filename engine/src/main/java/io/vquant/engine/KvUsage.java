package io.vquant.engine;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.LineKvLayer;
import java.util.ArrayList;
import java.util.List;

/**
 * What a session's KV cache holds.
 *
 * @param tokens positions in it
 * @param byteSize memory they take
 * @param layers one entry a layer of the model
 */
public record KvUsage(int tokens, long byteSize, List<Layer> layers) {

  public KvUsage {
    layers = List.copyOf(layers);
  }

  /**
   * One layer.
   *
   * @param policy how it keeps keys and values
   * @param windowStart first position of those that are in 16 bits because they are new; in a plain
   *     layer 0
   * @param lines for each KV head the earlier positions that are kept in 16 bits, rising
   */
  public record Layer(KvLayerPolicy policy, int windowStart, List<List<Integer>> lines) {
    public Layer {
      lines = lines.stream().map(List::copyOf).toList();
    }
  }

  static KvUsage of(KvCache cache) {
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < cache.spec().numLayers(); i++) {
      KvLayerPolicy policy = cache.spec().layers().get(i).policy();
      if (cache.layer(i) instanceof LineKvLayer packed) {
        layers.add(new Layer(policy, packed.hotStart(), lines(packed, cache.spec().numKvHeads())));
      } else {
        layers.add(new Layer(policy, 0, List.of()));
      }
    }
    return new KvUsage(cache.length(), cache.byteSize(), layers);
  }

  private static List<List<Integer>> lines(LineKvLayer layer, int kvHeads) {
    List<List<Integer>> heads = new ArrayList<>();
    for (int head = 0; head < kvHeads; head++) {
      List<Integer> positions = new ArrayList<>();
      for (int row = 0; row < layer.slabRows(head); row++) {
        positions.add(layer.slabPosition(head, row));
      }
      positions.sort(null);
      heads.add(positions);
    }
    return heads;
  }
}
