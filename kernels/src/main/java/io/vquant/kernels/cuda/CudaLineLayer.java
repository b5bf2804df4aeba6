package io.vquant.kernels.cuda;

import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/**
 * One layer that keeps lines and the newest tokens in 16 bits and packs the rest: {@code
 * kvcache.LineKvLayer} on a device. The host knows what follows from the length: tiles, pages, when
 * to pack. Which tokens are lines only the device knows, so nothing here waits for it.
 *
 * <p>The rows of a pass of several are closed when the layer has seen the last. A row of decoding
 * is closed when the next comes, or when a page is packed: until then it can be dropped.
 */
final class CudaLineLayer implements CudaKvLayer {
  private static final int TOKENS = PageLayout.TOKENS;
  private static final int OBSERVED_ROWS = 64;

  private final CudaRuntime runtime;
  private final KvLayerSpec spec;
  private final KvPageLayout pageLayout;
  private final int maxTokens;
  private final int index;
  private final LineLayerTable table;
  private final PassSums passSums;
  private final LineKernels kernels;
  private final PageTable slab;
  private final PageTable hot;
  private final PageTable packed;
  private int length;
  private int passStart;
  private int passEnd;

  CudaLineLayer(
      CudaRuntime runtime,
      KvCacheSpec cache,
      int index,
      PagePool pool,
      LineLayerTable table,
      PassSums passSums) {
    this.runtime = runtime;
    this.index = index;
    this.table = table;
    this.passSums = passSums;
    spec = cache.layers().get(index);
    maxTokens = cache.maxTokens();
    pageLayout = new KvPageLayout(spec.policy().format(), cache.numKvHeads(), cache.headDim());
    kernels = new LineKernels(runtime, spec, cache.numKvHeads(), cache.headDim());
    long tile = new PageLayout(cache.numKvHeads(), cache.headDim(), DType.BF16).byteSize();
    long tiles = table.tiles(index);
    slab = new PageTable(runtime, pool, tile, tiles);
    hot = new PageTable(runtime, pool, tile, tiles + (long) LineLayerTable.SLAB_TILES * Long.BYTES);
    packed = new PageTable(runtime, pool, pageLayout.byteSize(), table.pages(index));
  }

  /** Takes over what another layer holds, whose state the tables share already. */
  void forkFrom(CudaLineLayer other) {
    slab.copy(other.slab);
    hot.copy(other.hot);
    packed.share(other.packed);
    length = other.length;
    passStart = length;
    passEnd = length;
    upload();
  }

  KvLayerSpec spec() {
    return spec;
  }

  KvPageLayout pageLayout() {
    return pageLayout;
  }

  /** Device address of the layer's struct. */
  long address() {
    return table.address(index);
  }

  /** Device address of the addresses of hot tiles. */
  long hotTable() {
    return hot.address();
  }

  CudaRuntime runtime() {
    return runtime;
  }

  LineLayerTable table() {
    return table;
  }

  int index() {
    return index;
  }

  PageTable slab() {
    return slab;
  }

  PageTable hot() {
    return hot;
  }

  PageTable packed() {
    return packed;
  }

  int hotStart() {
    return packed.size() * TOKENS;
  }

  /** Whether what is stored has been transformed; before, the tiles are those of a plain layer. */
  boolean isTransformed() {
    return packed.size() > 0;
  }

  /** Whether the pass under way has one row, which the layer itself takes note of. */
  boolean isDecoding() {
    return passEnd - passStart == 1;
  }

  /** Position of the first row of this pass that is observed, as {@code LineKvLayer} has it. */
  int observedFrom() {
    int first = Math.max(passEnd - OBSERVED_ROWS, spec.policy().window());
    return Math.min(passEnd, Math.max(passStart, first));
  }

  int passEnd() {
    return passEnd;
  }

  PassSums passSums() {
    return passSums;
  }

  @Override
  public int length() {
    return length;
  }

  /**
   * The memory that a pass of so many rows takes, at most.
   *
   * @param pages packed pages
   * @param tiles 16-bit tiles that stay
   * @param staging 16-bit tiles until the layer has seen the last row
   */
  record Needs(int pages, int tiles, int staging) {}

  Needs needs(int rows) {
    int end = length + rows;
    int pages = pagesToPack(end);
    int staging = tiles(end - hotStart()) - hot.size();
    int after = tiles(end - hotStart() - pages * TOKENS) + slabTiles(end, pages);
    return new Needs(pages, Math.max(0, after - hot.size() - slab.size()), Math.max(0, staging));
  }

  @Override
  public void beginPass(int rows) {
    passStart = length;
    passEnd = length + rows;
    if (rows == 1) {
      growHot();
    } else {
      passSums.reserve(tiles(passEnd - hotStart()) * TOKENS);
    }
  }

  private static int tiles(int tokens) {
    return Math.ceilDiv(tokens, TOKENS);
  }

  private int pagesToPack(int end) {
    return Math.max(0, (end - hotStart() - spec.policy().window()) / TOKENS);
  }

  private int slabTiles(int end, int pages) {
    return pages == 0 ? slab.size() : tiles(spec.policy().slabRows(end));
  }

  private void growHot() {
    int needed = tiles(passEnd - hotStart());
    if (needed > hot.size()) {
      hot.grow(needed);
      upload();
    }
  }

  private void upload() {
    table.upload(index, slab.size(), hot.size(), packed.first(), packed.size());
  }

  @Override
  public void append(Tensor keys, Tensor values, int startPosition) {
    int columns = pageLayout.numKvHeads() * pageLayout.headDim();
    Operands.require("append keys", keys, keys.rows(), columns);
    Operands.require("append values", values, keys.rows(), columns);
    if (startPosition != length || keys.rows() > Math.min(passEnd, maxTokens) - length) {
      throw new IllegalArgumentException(
          "append of %d rows at position %d: the layer holds %d tokens of at most %d, its pass ends at %d"
              .formatted(keys.rows(), startPosition, length, maxTokens, passEnd));
    }
    boolean isFirst = !isDecoding() && length == passStart;
    if (isFirst) {
      growHot();
    }
    if (keys.rows() == 1 && runtime.sequenceRows().isUnderWay()) {
      runtime
          .rowAppends()
          .add(kernels.kind(), address(), keys, values, startPosition, kernels::append);
    } else {
      long position = runtime.positionAddress(startPosition);
      kernels.append(address(), 0, keys, values, position, keys.rows());
    }
    if (isFirst) {
      passSums.clear();
      long slabBytes = (long) pageLayout.numKvHeads() * LineLayerTable.SLAB_ROWS * Float.BYTES;
      runtime.stream().zero(table.slabSums(index), slabBytes);
    }
    length += keys.rows();
  }

  /** What a replayed step appended. */
  void setLength(int newLength) {
    length = newLength;
  }

  @Override
  public void endPass() {
    if (length != passEnd) {
      throw new IllegalStateException("pass ends at " + passEnd + ", not at " + length);
    }
    int pages = pagesToPack(length);
    if (pages > 0 || !isDecoding()) {
      close(pages);
    }
    int firstVisible = spec.firstVisible(length);
    int before = packed.first();
    packed.releaseBefore(Math.min(packed.size(), firstVisible / TOKENS));
    if (pages > 0 || packed.first() != before) {
      upload();
    }
    passStart = length;
    passEnd = length;
  }

  private void close(int pages) {
    int hotTokens = length - hotStart();
    if (pages > 0) {
      if (!isTransformed()) {
        kernels.activate(address(), hotTokens, hot.size());
      }
      slab.grow(Math.max(slab.size(), slabTiles(length, pages)));
      upload();
      packed.grow(packed.size() + pages);
    }
    boolean decoded = isDecoding();
    int hotBefore = decoded ? hotTokens : hotTokens - (passEnd - passStart);
    kernels.close(
        address(),
        new LineKernels.Rows(
            decoded ? 0 : passSums.address(),
            decoded ? 0 : passSums.stride(),
            hotBefore,
            observedFrom(),
            passEnd,
            spec.firstVisible(passStart)),
        pages);
    if (pages > 0) {
      hot.removeFirst(pages);
    }
  }

  /** Forgets the row of a pass of one that has not ended. */
  void dropPass() {
    if (length > passStart) {
      // Appending settled what the row before had left.
      table.dropPending(index);
    }
    length = passStart;
    passEnd = passStart;
    hot.shrink(tiles(length - hotStart()));
    upload();
  }

  /** Gives all pages and tiles up. */
  void release() {
    slab.shrink(0);
    hot.shrink(0);
    packed.shrink(0);
  }

  @Override
  public void clear() {
    release();
    length = 0;
    passStart = 0;
    passEnd = 0;
    table.clear(index);
  }

  @Override
  public long byteSize() {
    return slab.byteSize()
        + hot.byteSize()
        + packed.byteSize()
        + (long) Long.BYTES * pageLayout.numKvHeads() * packed.size();
  }
}
