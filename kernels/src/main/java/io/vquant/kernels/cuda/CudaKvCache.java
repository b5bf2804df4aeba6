package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.PageLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A cache of plain pages on a device. Pages are taken as tokens come, out of blocks that hold many;
 * the tables of their addresses are as long as the cache may become, so that they never move.
 */
final class CudaKvCache implements KvCache {
  private final CudaRuntime runtime;
  private final KvCacheSpec spec;
  private final PagePool pool;
  private final DeviceMemory tables;
  private final List<CudaKvLayer> layers;

  CudaKvCache(CudaRuntime runtime, KvCacheSpec spec) {
    this.runtime = runtime;
    this.spec = spec;
    PageLayout layout = new PageLayout(spec.numKvHeads(), spec.headDim(), spec.dtype());
    int maxPages = Math.ceilDiv(spec.maxTokens(), PageLayout.TOKENS);
    pool = new PagePool(runtime, layout.byteSize(), (long) maxPages * spec.numLayers());
    long tableByteSize = (long) maxPages * Long.BYTES;
    tables = runtime.allocate(tableByteSize * spec.numLayers());
    List<CudaKvLayer> created = new ArrayList<>();
    for (int i = 0; i < spec.numLayers(); i++) {
      long table = tables.address() + i * tableByteSize;
      created.add(new CudaKvLayer(runtime, layout, spec.maxTokens(), pool, table));
    }
    layers = List.copyOf(created);
  }

  @Override
  public KvCacheSpec spec() {
    return spec;
  }

  @Override
  public CudaKvLayer layer(int index) {
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
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).truncate(length);
    }
  }

  @Override
  public long byteSize() {
    return pool.takenByteSize();
  }

  @Override
  public void close() {
    pool.close();
    runtime.free(tables);
  }
}
