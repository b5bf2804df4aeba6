package io.vquant.kernels.kvcache;

import java.util.ArrayList;
import java.util.List;

/** A cache in host memory, in pages of 64 tokens taken as tokens come. */
public final class PagedKvCache implements KvCache {

  private final KvCacheSpec spec;
  private final TilePacker packer;
  private final KvMemory memory;
  private final List<HostKvLayer> layers = new ArrayList<>();

  /** Layers as they were when the pass began, where ending a layer changes it for good. */
  private final List<HostKvLayer> before = new ArrayList<>();

  private int passStart;
  private int passRows;
  private boolean closed;

  /** An empty cache that packs by the scalar codecs. */
  public PagedKvCache(KvCacheSpec spec) {
    this(spec, new ScalarTilePacker());
  }

  /** An empty cache. */
  public PagedKvCache(KvCacheSpec spec, TilePacker packer) {
    this(spec, packer, new KvMemory());
    for (KvLayerSpec layer : spec.layers()) {
      layers.add(emptyLayer(layer));
    }
  }

  /** An empty cache of the same shape, with memory of its own. */
  public PagedKvCache emptyLikeThis() {
    return new PagedKvCache(spec, packer);
  }

  private PagedKvCache(KvCacheSpec spec, TilePacker packer, KvMemory memory) {
    this.spec = spec;
    this.packer = packer;
    this.memory = memory;
  }

  private HostKvLayer emptyLayer(KvLayerSpec layer) {
    if (layer.policy().format().keys() instanceof PlainEncoding plain) {
      PageLayout layout = new PageLayout(spec.numKvHeads(), spec.headDim(), plain.dtype());
      return new PagedKvLayer(layout, spec.maxTokens(), memory);
    }
    return new LineKvLayer(spec, layer, packer, memory);
  }

  @Override
  public KvCacheSpec spec() {
    return spec;
  }

  @Override
  public KvLayer layer(int index) {
    if (closed) {
      throw new IllegalStateException("the cache is closed");
    }
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
  public void beginPass(int rows) {
    int length = length();
    if (rows < 1 || rows > spec.maxTokens() - length) {
      throw new IllegalArgumentException(
          "a pass of "
              + rows
              + " tokens after "
              + length
              + ": expected at least 1, and room in "
              + spec.maxTokens());
    }
    requireNoPass();
    passStart = length;
    passRows = rows;
    for (int i = 0; i < layers.size(); i++) {
      HostKvLayer layer = layers.get(i);
      if (rows > 1 && layer instanceof LineKvLayer) {
        before.add(layer.fork());
      }
      layer.beginPass(rows);
    }
  }

  private void requireNoPass() {
    if (passRows > 0) {
      throw new IllegalStateException("a pass of " + passRows + " tokens is under way");
    }
  }

  /** The layers of a pass of one row wait for its end: until then the row can be dropped again. */
  @Override
  public void endLayer(int index) {
    if (passRows > 1) {
      layers.get(index).endPass();
    }
  }

  @Override
  public void endPass() {
    if (passRows == 1) {
      for (int i = 0; i < layers.size(); i++) {
        layers.get(i).endPass();
      }
    }
    forgetBefore();
    passRows = 0;
  }

  private void forgetBefore() {
    for (int i = 0; i < before.size(); i++) {
      before.get(i).release();
    }
    before.clear();
  }

  @Override
  public void abandonPass() {
    int kept = 0;
    for (int i = 0; i < layers.size(); i++) {
      switch (layers.get(i)) {
        case PagedKvLayer plain -> plain.truncate(Math.min(passStart, plain.length()));
        case LineKvLayer lines when before.isEmpty() -> lines.dropPass();
        case LineKvLayer lines -> {
          lines.release();
          layers.set(i, before.get(kept++));
        }
      }
    }
    before.clear();
    passRows = 0;
  }

  @Override
  public boolean canTruncate(int length) {
    if (length < 0 || length > length()) {
      throw new IllegalArgumentException("truncate to " + length + " of " + length() + " tokens");
    }
    return length == 0
        || layers.stream().allMatch(l -> l instanceof PagedKvLayer || l.length() == length);
  }

  @Override
  public void truncate(int length) {
    requireNoPass();
    if (!canTruncate(length)) {
      throw new IllegalStateException(
          "truncate to " + length + ": this cache has packed tokens and can only go back to 0");
    }
    for (int i = 0; i < layers.size(); i++) {
      if (layers.get(i) instanceof PagedKvLayer plain) {
        plain.truncate(length);
      } else if (length == 0) {
        layers.get(i).release();
        layers.set(i, emptyLayer(spec.layers().get(i)));
      }
    }
  }

  /**
   * Carries the cache's state; when reading, into this cache, which must be empty. Not during a
   * pass. What lies behind the last row of a tile is carried along, whatever it is.
   *
   * @throws IllegalArgumentException if what was read is not the state of a cache of this {@link
   *     #spec}; this cache is of no use then and is to be closed
   */
  public void transfer(KvTransfer transfer) {
    requireNoPass();
    if (transfer.isReading() && length() > 0) {
      throw new IllegalStateException("the cache holds " + length() + " tokens, expected none");
    }
    for (HostKvLayer layer : layers) {
      layer.transfer(transfer);
    }
    for (HostKvLayer layer : layers) {
      if (layer.length() != length()) {
        throw new IllegalArgumentException(
            "a layer of " + layer.length() + " tokens beside one of " + length());
      }
    }
  }

  @Override
  public PagedKvCache fork() {
    requireNoPass();
    PagedKvCache copy = new PagedKvCache(spec, packer, memory.addUser());
    for (HostKvLayer layer : layers) {
      copy.layers.add(layer.fork());
    }
    return copy;
  }

  @Override
  public long byteSize() {
    long total = 0;
    for (HostKvLayer layer : layers) {
      total += layer.byteSize();
    }
    return total;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    forgetBefore();
    layers.forEach(HostKvLayer::release);
    memory.removeUser();
  }
}
