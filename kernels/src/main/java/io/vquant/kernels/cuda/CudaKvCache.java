package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PlainEncoding;
import io.vquant.kernels.kvcache.UnstorableValueException;
import io.vquant.kernels.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A cache on a device. Pages are taken as tokens come, out of blocks that hold many; the tables of
 * their addresses are as long as the cache may become, so that they never move.
 */
final class CudaKvCache implements KvCache {

  /** In place of a channel: the norm of the row is meant. */
  private static final int WHOLE_ROW = 0xffff;

  private final CudaRuntime runtime;
  private final KvCacheSpec spec;
  private final PagePool pool;
  private final @Nullable DeviceMemory plainTables;
  private final @Nullable LineLayerTable lineTable;
  private final PassSums passSums;
  private final List<CudaKvLayer> layers = new ArrayList<>();
  private final RecordedStep step;
  private int passStart;
  private int passRows;
  private boolean closed;

  /** This cache as it was when a pass of several rows began, where layers pack. */
  private @Nullable CudaKvCache before;

  private @Nullable String spoiled;

  CudaKvCache(CudaRuntime runtime, KvCacheSpec spec) {
    this(runtime, spec, new PagePool(runtime));
  }

  private CudaKvCache(CudaRuntime runtime, KvCacheSpec spec, PagePool pool) {
    this.runtime = runtime;
    this.spec = spec;
    this.pool = pool;
    step = new RecordedStep(runtime);
    long tableByteSize = (long) Math.ceilDiv(spec.maxTokens(), PageLayout.TOKENS) * Long.BYTES;
    boolean packs = !spec.isPlain();
    plainTables =
        spec.layers().stream().anyMatch(layer -> layer.policy().isPlain())
            ? runtime.allocate(tableByteSize * spec.numLayers())
            : null;
    lineTable =
        packs ? new LineLayerTable(runtime, spec, runtime.unstorableSlots().take(this)) : null;
    passSums = new PassSums(runtime, spec.numKvHeads());
    for (int i = 0; i < spec.numLayers(); i++) {
      layers.add(newLayer(i, tableByteSize));
    }
  }

  private CudaKvLayer newLayer(int index, long tableByteSize) {
    KvLayerSpec layer = spec.layers().get(index);
    if (plainTables != null && layer.policy().format().keys() instanceof PlainEncoding plain) {
      PageLayout layout = new PageLayout(spec.numKvHeads(), spec.headDim(), plain.dtype());
      long table = plainTables.address() + index * tableByteSize;
      return new PlainCudaLayer(runtime, layout, spec.maxTokens(), pool, table);
    }
    if (lineTable == null) {
      throw new IllegalStateException("layer " + index + " is neither plain nor packing");
    }
    return new CudaLineLayer(runtime, spec, index, pool, lineTable, passSums);
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

  /** Takes the memory of all layers, so that the pass itself only enqueues work. */
  @Override
  public void beginPass(int rows) {
    int length = length();
    if (rows < 1 || rows > spec.maxTokens() - length) {
      throw new IllegalArgumentException(
          "a pass of %d tokens after %d: expected at least 1, and room in %d"
              .formatted(rows, length, spec.maxTokens()));
    }
    requireNoPass();
    requireStorable();
    reserve(rows);
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).beginPass(rows);
    }
    if (rows > 1 && length > 0 && lineTable != null) {
      before = fork(false);
    }
    passStart = length;
    passRows = rows;
    runtime.appendsTo(this);
  }

  private void reserve(int rows) {
    int tiles = 0;
    int staging = 0;
    for (CudaKvLayer layer : layers) {
      if (layer instanceof CudaLineLayer lines) {
        CudaLineLayer.Needs needs = lines.needs(rows);
        tiles += needs.tiles();
        staging = Math.max(staging, needs.staging());
      }
    }
    PageNeeds packed = new PageNeeds(pool);
    for (CudaKvLayer layer : layers) {
      if (layer instanceof CudaLineLayer lines) {
        packed.add(lines.pageLayout().byteSize(), lines.needs(rows).pages());
        packed.add(lines.hot().pageByteSize(), tiles + staging);
        tiles = 0;
        staging = 0;
      }
    }
    packed.reserve();
  }

  private void requireNoPass() {
    if (passRows > 0) {
      throw new IllegalStateException("a pass of " + passRows + " tokens is under way");
    }
  }

  /** A layer that saw a row of decoding waits for the others: until then it can be dropped. */
  @Override
  public void endLayer(int index) {
    if (passRows > 1) {
      layers.get(index).endPass();
    }
  }

  @Override
  public void endPass() {
    setLength(passStart + passRows);
    if (passRows == 1) {
      for (int i = 0; i < layers.size(); i++) {
        layers.get(i).endPass();
      }
    }
    forgetBefore();
    passRows = 0;
  }

  /** A replayed step appended without the layers' knowing. */
  private void setLength(int length) {
    for (int i = 0; i < layers.size(); i++) {
      switch (layers.get(i)) {
        case PlainCudaLayer plain -> plain.setLength(length);
        case CudaLineLayer lines -> lines.setLength(length);
      }
    }
  }

  private void forgetBefore() {
    if (before != null) {
      before.close();
      before = null;
    }
  }

  @Override
  public void abandonPass() {
    boolean several = passRows > 1;
    for (int i = 0; i < layers.size(); i++) {
      switch (layers.get(i)) {
        case PlainCudaLayer plain -> plain.setLength(passStart);
        case CudaLineLayer lines when !several -> lines.dropPass();
        case CudaLineLayer lines -> {
          lines.clear();
          if (before != null) {
            lines.forkFrom((CudaLineLayer) before.layers.get(i));
          }
        }
      }
    }
    if (lineTable != null && before != null && before.lineTable != null) {
      lineTable.copyStateFrom(before.lineTable);
    }
    forgetBefore();
    passRows = 0;
  }

  @Override
  public boolean canTruncate(int length) {
    if (length < 0 || length > length()) {
      throw new IllegalArgumentException("truncate to " + length + " of " + length() + " tokens");
    }
    return length == 0 || length == length() || spec.isPlain();
  }

  @Override
  public void truncate(int length) {
    requireNoPass();
    if (!canTruncate(length)) {
      throw new IllegalStateException(
          "truncate to " + length + ": this cache has packed tokens and can only go back to 0");
    }
    if (length == 0) {
      layers.forEach(CudaKvLayer::clear);
      spoiled = null;
    } else if (spec.isPlain()) {
      setLength(length);
    }
  }

  /** Packed pages are shared, all else is copied. */
  @Override
  public CudaKvCache fork() {
    requireNoPass();
    return fork(true);
  }

  private CudaKvCache fork(boolean plainToo) {
    CudaKvCache copy = new CudaKvCache(runtime, spec, pool.addUser());
    boolean complete = false;
    try {
      for (int i = 0; i < layers.size(); i++) {
        switch (layers.get(i)) {
          case PlainCudaLayer plain when plainToo ->
              ((PlainCudaLayer) copy.layers.get(i)).copyFrom(plain);
          case PlainCudaLayer _ -> {}
          case CudaLineLayer lines -> ((CudaLineLayer) copy.layers.get(i)).forkFrom(lines);
        }
      }
      if (lineTable != null && copy.lineTable != null) {
        copy.lineTable.copyStateFrom(lineTable);
      }
      copy.spoiled = spoiled;
      complete = true;
      return copy;
    } finally {
      if (!complete) {
        copy.close();
      }
    }
  }

  /** Runs the work of one token, recorded if it was recorded on these tensors before. */
  void replay(Tensor hidden, int position, Runnable work) {
    step.run(hidden, position, work);
    setLength(position + 1);
  }

  boolean isSpoiled() {
    return spoiled != null;
  }

  /**
   * Refuses what follows a value that cannot be stored.
   *
   * @throws UnstorableValueException if there was one; the cache must be emptied
   */
  void requireStorable() {
    if (spoiled != null) {
      throw new UnstorableValueException(spoiled);
    }
  }

  /** Says that a value that was appended cannot be stored: {@code append_lines.cu} left it. */
  void spoil(int layer, int position, boolean isValue, int place, float value) {
    int channel = place & WHOLE_ROW;
    String what =
        channel == WHOLE_ROW
            ? "%d channels, has norm".formatted(spec.headDim())
            : "channel %d is".formatted(channel);
    spoiled =
        "%s of position %d, layer %d, KV head %d, %s %s: KV format %s holds magnitudes up to %.0f; --kv f32 and bf16 hold any"
            .formatted(
                isValue ? "value" : "key",
                position,
                layer,
                place >>> 16,
                what,
                value,
                spec.layers().get(layer).policy().format(),
                CudaRuntime.MAX_MAGNITUDE);
  }

  @Override
  public long byteSize() {
    return layers.stream().mapToLong(CudaKvLayer::byteSize).sum();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    forgetBefore();
    step.close();
    runtime.appendsNoMore(this);
    runtime.unstorableSlots().giveBack(this);
    for (CudaKvLayer layer : layers) {
      if (layer instanceof CudaLineLayer lines) {
        lines.release();
      }
    }
    pool.removeUser();
    if (plainTables != null) {
      runtime.free(plainTables);
    }
    if (lineTable != null) {
      lineTable.close();
    }
    passSums.close();
  }
}
