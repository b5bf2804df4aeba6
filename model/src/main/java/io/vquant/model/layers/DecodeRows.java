package io.vquant.model.layers;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One row of each of several sequences: where its keys and values go, and its position. */
public final class DecodeRows {
  private final List<KvCache> caches;
  private final int[] positions;

  /** The rows that follow what is in the caches. */
  public DecodeRows(List<KvCache> caches) {
    this.caches = caches;
    positions = new int[caches.size()];
    for (int row = 0; row < positions.length; row++) {
      positions[row] = caches.get(row).length();
    }
  }

  /** Number of rows. */
  public int size() {
    return positions.length;
  }

  int position(int row) {
    return positions[row];
  }

  KvLayer layer(int row, int index) {
    return caches.get(row).layer(index);
  }

  KvFormat format(int row, int index) {
    return caches.get(row).spec().layers().get(index).policy().format();
  }

  /** Position of each row. */
  public int[] positions() {
    return positions.clone();
  }

  /** One layer of each cache. */
  KvLayer[] layers(int index) {
    KvLayer[] layers = new KvLayer[positions.length];
    for (int row = 0; row < layers.length; row++) {
      layers[row] = layer(row, index);
    }
    return layers;
  }

  /** The format of a layer, if it is that of all caches. */
  @Nullable KvFormat commonFormat(int index) {
    KvFormat first = format(0, index);
    for (int row = 1; row < positions.length; row++) {
      if (!format(row, index).equals(first)) {
        return null;
      }
    }
    return first;
  }
}
