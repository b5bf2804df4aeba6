package io.vquant.kernels.cuda;

import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerPolicy;
import io.vquant.kernels.kvcache.LineBudget;
import io.vquant.kernels.kvcache.PageLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What kernels read of the packing layers of one cache: {@code struct LineLayer} of {@code
 * kvcache/line_layer.cuh} for each, and the arrays that it names. They stay where they are, so a
 * recorded step finds them; {@link #upload} renews the numbers in them.
 */
final class LineLayerTable {
  static final int SLAB_ROWS = LineBudget.MAX;
  static final int SLAB_TILES = SLAB_ROWS / PageLayout.TOKENS;
  static final int BYTES = 152;
  private static final int LOGIT_HEADS = 8;
  private static final int ADDRESSES = 14;
  private static final long MAX_PAGES = 112;
  private static final long RING_TOKENS = 120;
  private static final long LOGIT_TILES = 124;
  private static final long INDEX = 128;
  private static final long SLAB_TILE_COUNT = 132;
  private static final long HOT_TILES = 136;
  private static final long FIRST_PAGE = 140;
  private static final long PACKED_PAGES = 144;
  private static final long OBSERVED_FROM = 148;
  private static final int ALIGNMENT = 256;

  private final CudaRuntime runtime;
  private final int heads;
  private final int maxPages;
  private final int maxRing;
  private final int logitTiles;
  private final int layers;
  private final long[] offsets = new long[ADDRESSES];
  private final long stateByteSize;
  private final long stride;
  private final DeviceMemory memory;
  private final DeviceMemory structs;
  private final DeviceMemory logits;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment host;

  /**
   * @param unstorable address of the cache's slot of {@link UnstorableSlots}
   */
  LineLayerTable(CudaRuntime runtime, KvCacheSpec spec, long unstorable) {
    this.runtime = runtime;
    heads = spec.numKvHeads();
    layers = spec.numLayers();
    maxPages = Math.ceilDiv(spec.maxTokens(), PageLayout.TOKENS) + 1;
    maxRing =
        spec.layers().stream()
            .map(layer -> layer.policy())
            .filter(policy -> !policy.isPlain())
            .mapToInt(KvLayerPolicy::ringTokens)
            .max()
            .orElse(PageLayout.TOKENS);
    logitTiles = SLAB_TILES + maxRing / PageLayout.TOKENS + 1;
    long perRow = (long) heads * SLAB_ROWS * Integer.BYTES;
    long perHot = (long) heads * maxRing * Integer.BYTES;
    long end = 0;
    // In the order of the struct, without pages, tiles, logits and failure: the sequence's state.
    long[] sizes = {
      0,
      (long) heads * maxPages * Long.BYTES,
      0,
      (long) heads * SLAB_TILES * Long.BYTES,
      perRow,
      perRow,
      perRow,
      perHot,
      perHot,
      perHot,
      (long) heads * Integer.BYTES,
      (long) heads * spec.headDim() * Float.BYTES,
      0,
      0
    };
    for (int i = 0; i < ADDRESSES; i++) {
      offsets[i] = end;
      end += aligned(sizes[i]);
    }
    stateByteSize = end;
    offsets[0] = end;
    end += aligned((long) maxPages * Long.BYTES);
    offsets[2] = end;
    end += aligned((long) (SLAB_TILES + maxPages) * Long.BYTES);
    stride = end;
    memory = runtime.allocate(stride * layers);
    structs = runtime.allocate((long) BYTES * layers);
    logits =
        runtime.allocate((long) heads * logitTiles * PageLayout.TOKENS * LOGIT_HEADS * Float.BYTES);
    host = arena.allocate((long) BYTES * layers, Long.BYTES);
    for (int layer = 0; layer < layers; layer++) {
      fillAddresses(layer, unstorable);
      struct(layer)
          .set(ValueLayout.JAVA_INT, OBSERVED_FROM, spec.layers().get(layer).policy().window());
      clear(layer);
    }
  }

  private static long aligned(long byteSize) {
    return Math.ceilDiv(byteSize, ALIGNMENT) * (long) ALIGNMENT;
  }

  private void fillAddresses(int layer, long unstorable) {
    MemorySegment struct = struct(layer);
    for (int i = 0; i < ADDRESSES - 2; i++) {
      struct.set(ValueLayout.JAVA_LONG, (long) Long.BYTES * i, address(layer, i));
    }
    struct.set(ValueLayout.JAVA_LONG, Long.BYTES * (ADDRESSES - 2L), logits.address());
    struct.set(ValueLayout.JAVA_LONG, Long.BYTES * (ADDRESSES - 1L), unstorable);
    struct.set(ValueLayout.JAVA_LONG, MAX_PAGES, maxPages);
    struct.set(ValueLayout.JAVA_INT, RING_TOKENS, maxRing);
    struct.set(ValueLayout.JAVA_INT, LOGIT_TILES, logitTiles);
    struct.set(ValueLayout.JAVA_INT, INDEX, layer);
  }

  private MemorySegment struct(int layer) {
    return host.asSlice((long) BYTES * layer, BYTES);
  }

  private long address(int layer, int array) {
    return memory.address() + stride * layer + offsets[array];
  }

  /** Device address of a layer's struct. */
  long address(int layer) {
    return structs.address() + (long) BYTES * layer;
  }

  /** Device address of a layer's tile addresses: of the slab, then of hot tiles. */
  long tiles(int layer) {
    return address(layer, 2);
  }

  /** Device address of a layer's page addresses. */
  long pages(int layer) {
    return address(layer, 0);
  }

  long lineMasks(int layer) {
    return address(layer, 1);
  }

  long slabPositions(int layer) {
    return address(layer, 4);
  }

  long slabScores(int layer) {
    return address(layer, 5);
  }

  long slabSums(int layer) {
    return address(layer, 6);
  }

  long hotSums(int layer) {
    return address(layer, 9);
  }

  long pending(int layer) {
    return address(layer, 10);
  }

  long means(int layer) {
    return address(layer, 11);
  }

  /** Entries a head of the line masks. */
  int maxPages() {
    return maxPages;
  }

  /** Entries a head of sums of hot tokens. */
  int ringTokens() {
    return maxRing;
  }

  /** Tiles that a step of decoding sees at most. */
  int decodeTiles() {
    return logitTiles;
  }

  /** Makes a layer's state that of an empty one. */
  void clear(int layer) {
    runtime.stream().zero(address(layer, 1), stateByteSize);
    runtime.stream().fill(slabPositions(layer), -1, (long) heads * SLAB_ROWS);
    runtime.stream().fill(address(layer, 3), -1, (long) heads * SLAB_TILES * 2);
    upload(layer, 0, 0, 0, 0);
  }

  /** Renews the numbers of a layer's struct. */
  void upload(int layer, int slabTiles, int hotTiles, int firstPage, int packedPages) {
    MemorySegment struct = struct(layer);
    struct.set(ValueLayout.JAVA_INT, SLAB_TILE_COUNT, slabTiles);
    struct.set(ValueLayout.JAVA_INT, HOT_TILES, hotTiles);
    struct.set(ValueLayout.JAVA_INT, FIRST_PAGE, firstPage);
    struct.set(ValueLayout.JAVA_INT, PACKED_PAGES, packedPages);
    runtime.stream().copyToDevice(address(layer), struct);
  }

  /** Copies the state of all layers from a table of the same spec. */
  void copyStateFrom(LineLayerTable other) {
    for (int layer = 0; layer < layers; layer++) {
      runtime.stream().copyOnDevice(address(layer, 1), other.address(layer, 1), stateByteSize);
    }
  }

  /** Forgets what a decoded row left that is not yet in a layer's scores. */
  void dropPending(int layer) {
    runtime.stream().zero(pending(layer), (long) heads * Integer.BYTES);
  }

  void close() {
    runtime.free(memory);
    runtime.free(structs);
    runtime.free(logits);
    arena.close();
  }
}
