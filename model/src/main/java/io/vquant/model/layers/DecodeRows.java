package io.vquant.model.layers;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import java.util.List;

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
}
