package io.vquant.kernels.kvcache;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** A cache in host memory, in pages of 64 tokens taken as tokens come. */
public final class PagedKvCache implements KvCache {

  private final KvCacheSpec spec;
  private final Arena arena = Arena.ofShared();
  private final List<PagedKvLayer> layers;

  public PagedKvCache(KvCacheSpec spec) {
    this.spec = spec;
    List<PagedKvLayer> created = new ArrayList<>();
    for (int i = 0; i < spec.numLayers(); i++) {
      created.add(new PagedKvLayer(spec, arena));
    }
    layers = List.copyOf(created);
  }

  @Override
  public KvCacheSpec spec() {
    return spec;
  }

  @Override
  public PagedKvLayer layer(int index) {
    return layers.get(index);
  }

  @Override
  public int length() {
    int shortest = Integer.MAX_VALUE;
    for (int i = 0; i < layers.size(); i++) {
      shortest = Math.min(shortest, layers.get(i).length());
    }
    return shortest;
  }

  @Override
  public void truncate(int length) {
    if (length < 0 || length > length()) {
      throw new IllegalArgumentException("truncate to " + length + " of " + length() + " tokens");
    }
    for (PagedKvLayer layer : layers) {
      layer.truncate(length);
    }
  }

  @Override
  public long byteSize() {
    long total = 0;
    for (PagedKvLayer layer : layers) {
      total += layer.byteSize();
    }
    return total;
  }

  @Override
  public void close() {
    arena.close();
  }
}
