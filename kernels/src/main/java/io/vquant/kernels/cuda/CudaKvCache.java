package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.CudaGraph;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.PlainEncoding;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A cache of plain pages on a device. Pages are taken as tokens come, out of blocks that hold many;
 * the tables of their addresses are as long as the cache may become, so that they never move.
 */
final class CudaKvCache implements KvCache {
  private static final int WARM_STEPS = 1;

  private final CudaRuntime runtime;
  private final KvCacheSpec spec;
  private final PagePool pool;
  private final DeviceMemory tables;
  private final List<CudaKvLayer> layers;
  private int passStart;
  private int passRows;
  private int warmSteps;
  private @Nullable CudaGraph step;
  private long stepHidden;
  private int stepGeneration;

  CudaKvCache(CudaRuntime runtime, KvCacheSpec spec) {
    this.runtime = runtime;
    this.spec = spec;
    int maxPages = Math.ceilDiv(spec.maxTokens(), PageLayout.TOKENS);
    pool = new PagePool(runtime);
    long tableByteSize = (long) maxPages * Long.BYTES;
    tables = runtime.allocate(tableByteSize * spec.numLayers());
    List<CudaKvLayer> created = new ArrayList<>();
    for (int i = 0; i < spec.numLayers(); i++) {
      long table = tables.address() + i * tableByteSize;
      DType dtype = ((PlainEncoding) spec.layers().get(i).policy().format().keys()).dtype();
      PageLayout layout = new PageLayout(spec.numKvHeads(), spec.headDim(), dtype);
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

  /** Takes the pages of all layers, so that the pass itself only enqueues work. */
  @Override
  public void beginPass(int rows) {
    int length = length();
    if (rows < 1 || rows > spec.maxTokens() - length) {
      throw new IllegalArgumentException(
          "a pass of %d tokens after %d: expected at least 1, and room in %d"
              .formatted(rows, length, spec.maxTokens()));
    }
    if (passRows > 0) {
      throw new IllegalStateException("a pass of " + passRows + " tokens is under way");
    }
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).reserve(length + rows);
    }
    passStart = length;
    passRows = rows;
  }

  @Override
  public void endLayer(int index) {}

  @Override
  public void endPass() {
    setLength(passStart + passRows);
    passRows = 0;
  }

  @Override
  public void abandonPass() {
    setLength(passStart);
    passRows = 0;
  }

  @Override
  public boolean canTruncate(int length) {
    if (length < 0 || length > length()) {
      throw new IllegalArgumentException("truncate to " + length + " of " + length() + " tokens");
    }
    return true;
  }

  @Override
  public void truncate(int length) {
    if (canTruncate(length)) {
      setLength(length);
    }
  }

  private void setLength(int length) {
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).setLength(length);
    }
  }

  /** Copies all pages: device memory is not shared between caches. */
  @Override
  public CudaKvCache fork() {
    CudaKvCache copy = new CudaKvCache(runtime, spec);
    for (int i = 0; i < layers.size(); i++) {
      copy.layers.get(i).copyFrom(layers.get(i));
    }
    return copy;
  }

  /** Runs the work of one token, recorded if it was recorded on these tensors before. */
  void replay(Tensor hidden, int position, Runnable work) {
    long address = Operands.address(hidden);
    runtime.positionAddress(position);
    if (step != null && (stepHidden != address || stepGeneration != runtime.generation())) {
      step.close();
      step = null;
    }
    if (step == null && warmSteps < WARM_STEPS) {
      // What is loaded, allocated or chosen at first use must not fall into a recording.
      warmSteps++;
      work.run();
      return;
    }
    if (step == null) {
      runtime.forgetPass();
      step =
          runtime.stream()
              .record(() -> {
                work.run();
                runtime.stream(); // launches what waits to be joined
              });
      stepHidden = address;
      stepGeneration = runtime.generation();
    }
    step.launch(runtime.stream());
    runtime.forgetPass();
  }

  @Override
  public long byteSize() {
    return pool.takenByteSize();
  }

  @Override
  public void close() {
    if (step != null) {
      runtime.stream();
      step.close();
    }
    pool.close();
    runtime.free(tables);
  }
}
