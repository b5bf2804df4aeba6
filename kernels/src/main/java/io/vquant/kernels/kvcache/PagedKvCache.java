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

  /**
   * Whether {@link #sharePage} gives page {@code index} of a layer: its 64 tokens are there, none
   * packed. While a pass is under way all its tokens are so, until {@link #endLayer}.
   */
  public boolean hasPage(int layer, int index) {
    HostKvLayer from = layers.get(layer);
    boolean packed = from instanceof LineKvLayer lines && lines.packedPages() > 0;
    return index >= 0 && !packed && (index + 1) * PageLayout.TOKENS <= from.length();
  }

  /**
   * A page of a layer as it was computed, for {@link #adopt}.
   *
   * @throws IllegalStateException if the layer {@link #hasPage has it not}
   */
  public SharedPage sharePage(int layer, int index) {
    if (!hasPage(layer, index)) {
      throw new IllegalStateException("layer " + layer + " has no unpacked page " + index);
    }
    return layers.get(layer).sharePage(index);
  }

  /**
   * Makes pages the next tokens of every layer, in place of computing them. A pass that follows
   * leaves the cache as if it had computed them too, to the bit, if it has at least {@link
   * LineScores#OBSERVED_ROWS} rows or no layer packs: lines are chosen by the last rows of a pass.
   *
   * @param pages one a layer: the same 64 tokens, out of this cache's memory (a fork of it, or of
   *     what it is a fork of)
   * @throws IllegalStateException if tokens are packed, or the last page is not whole
   */
  public void adopt(List<SharedPage> pages) {
    requireNoPass();
    int length = length();
    boolean whole = length % PageLayout.TOKENS == 0;
    boolean plain = length == 0 || hasPage(length / PageLayout.TOKENS - 1);
    if (!whole || !plain || length > spec.maxTokens() - PageLayout.TOKENS) {
      throw new IllegalStateException(
          "a page after " + length + " tokens: expected whole pages, none packed, and room");
    }
    if (pages.size() != layers.size()) {
      throw new IllegalArgumentException(pages.size() + " pages for " + layers.size() + " layers");
    }
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).adopt(pages.get(i));
    }
  }

  private boolean hasPage(int index) {
    for (int i = 0; i < layers.size(); i++) {
      if (!hasPage(i, index)) {
        return false;
      }
    }
    return true;
  }

  /** Bytes in use by all caches and pages of this cache's memory, shared ones counted once. */
  public long memoryInUse() {
    return memory.bytesInUse();
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
