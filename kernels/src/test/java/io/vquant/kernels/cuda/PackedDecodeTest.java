package io.vquant.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.HeadRows;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Decoding over packed pages and tiles against double arithmetic on what the scalar codecs decode.
 * Dead tokens of tiles are NaN.
 */
class PackedDecodeTest {
  private static final int TOKENS = PageLayout.TOKENS;

  private record Problem(
      AttentionSpec spec, KvFormat format, int sequences, int pages, int tiles, long seed) {

    int pageCount(int sequence) {
      return Math.max(0, pages - sequence);
    }

    int tileCount(int sequence) {
      return Math.max(pageCount(sequence) == 0 ? 1 : 0, tiles - sequence);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "k4v4g128, 128, 4, 1, 1, 0", "k4v4g128, 128, 4, 1, 0, 1", "k4v4g128, 128, 4, 3, 9, 3",
    "k4v4g128, 128, 8, 2, 70, 5", "k4v4g128, 128, 1, 2, 130, 11", "k4v4g128, 128, 3, 1, 2, 1",
    "k4v4, 128, 4, 2, 67, 4", "k4v4, 128, 7, 1, 5, 2", "k4v4, 128, 5, 3, 33, 0",
    "k4v4, 64, 4, 2, 67, 4", "k4v4, 64, 3, 3, 6, 3", "k4v4, 64, 8, 1, 1, 2",
    "k8v4, 128, 4, 2, 67, 4", "k8v4, 64, 3, 3, 6, 3", "k8v4g128, 128, 8, 1, 70, 2",
    "k8v8, 128, 4, 2, 67, 4", "k8v8, 64, 3, 3, 6, 3", "k8v8g128, 128, 8, 1, 70, 2"
  })
  void equalsTheDecodedPages(
      String formatName, int headDim, int group, int sequences, int pages, int tiles) {
    int kvHeads = 2;
    AttentionSpec spec =
        new AttentionSpec(
            kvHeads * group,
            kvHeads,
            headDim,
            (float) (1 / Math.sqrt(headDim)),
            AttentionSpec.NO_WINDOW);
    long seed = 31L * pages + tiles + 1000L * group + headDim;
    check(new Problem(spec, KvFormats.parse(formatName), sequences, pages, tiles, seed), 1);
    check(new Problem(spec, KvFormats.parse(formatName), sequences, pages, tiles, seed + 1), 40);
  }

  /** Keys and values as they will be read, and whether a token is dead. */
  private record Head(List<float[]> keys, List<float[]> values, List<float[]> bounds) {}

  private void check(Problem problem, float queryScale) {
    try (CudaBackend backend = CudaTestDevice.open();
        Arena arena = Arena.ofConfined()) {
      CudaRuntime runtime = backend.runtime();
      AttentionSpec spec = problem.spec();
      int width = spec.numQueryHeads() * spec.headDim();
      SplittableRandom random = new SplittableRandom(problem.seed());
      List<Head> heads = new ArrayList<>();
      for (int i = 0; i < problem.sequences() * spec.numKvHeads(); i++) {
        heads.add(new Head(new ArrayList<>(), new ArrayList<>(), new ArrayList<>()));
      }
      LineLayerFixture layers =
          new LineLayerFixture(runtime, problem.sequences(), spec.numKvHeads());
      Pages pages = packedPages(runtime, arena, problem, random, heads);
      MemorySegment positions = arena.allocate(4L * problem.sequences(), 4);
      for (int s = 0; s < problem.sequences(); s++) {
        addTiles(runtime, arena, problem, random, heads, pages, layers, positions, s);
      }
      MemorySegment q = arena.allocate(4L * width * problem.sequences(), 16);
      for (long i = 0; i < q.byteSize() / 4; i++) {
        q.setAtIndex(ValueLayout.JAVA_FLOAT, i, queryScale * (float) random.nextGaussian());
      }
      DeviceMemory out = runtime.allocate(q.byteSize());
      runtime.stream().fill(out.address(), 0x7fc00000, q.byteSize() / 4);
      PackedDecode decode = new PackedDecode(runtime, spec, problem.format(), problem.sequences());
      long queries = upload(runtime, q);
      long structs = layers.upload();
      long offsets = runtime.sequenceRows().offsets(layers.addresses(structs));
      long positionsAddress = upload(runtime, positions);
      MemorySegment first = arena.allocate(q.byteSize(), 16);
      MemorySegment second = arena.allocate(q.byteSize(), 16);
      for (MemorySegment result : List.of(first, second)) {
        decode.forward(
            out.address(), queries, structs, offsets, positionsAddress, problem.sequences(), 0);
        runtime.stream().copyToHost(result, out.address());
        runtime.stream().synchronize();
      }
      assertThat(first.mismatch(second)).as("a second run of %s", problem).isEqualTo(-1);
      // An error of a score is one of its weight: 2^-11 of scores that grow with the queries.
      compare(problem, q, first, heads, 0x1p-9 + queryScale * 0x1p-10);
    }
  }

  private static long upload(CudaRuntime runtime, MemorySegment host) {
    DeviceMemory memory = runtime.allocate(host.byteSize());
    runtime.stream().copyToDevice(memory.address(), host);
    runtime.stream().synchronize();
    return memory.address();
  }

  /** Tables of page addresses and of line masks, {@code stride} entries a sequence and head. */
  private record Pages(long addresses, long masks, int stride) {}

  private static Pages packedPages(
      CudaRuntime runtime,
      Arena arena,
      Problem problem,
      SplittableRandom random,
      List<Head> heads) {
    AttentionSpec spec = problem.spec();
    int headDim = spec.headDim();
    KvPageLayout layout = new KvPageLayout(problem.format(), spec.numKvHeads(), headDim);
    int stride = Math.max(1, problem.pages());
    MemorySegment addresses = arena.allocate(8L * stride * problem.sequences(), 8);
    MemorySegment masks = arena.allocate(8L * stride * problem.sequences() * spec.numKvHeads(), 8);
    MemorySegment rows = arena.allocate(4L * TOKENS * headDim, 64);
    HeadRows view = new HeadRows(rows, 0, 4L * headDim, headDim);
    for (int s = 0; s < problem.sequences(); s++) {
      for (int p = 0; p < problem.pageCount(s); p++) {
        MemorySegment page = arena.allocate(layout.byteSize(), 128);
        for (int h = 0; h < spec.numKvHeads(); h++) {
          long sparse = random.nextLong() >>> random.nextInt(64);
          long mask = random.nextInt(3) == 0 ? sparse : 0;
          int slot = s * spec.numKvHeads() + h;
          masks.setAtIndex(ValueLayout.JAVA_LONG, (long) slot * stride + p, mask);
          Head head = heads.get(slot);
          for (KvSide side : KvSide.values()) {
            boolean keys = side == KvSide.KEYS;
            for (int i = 0; i < TOKENS * headDim; i++) {
              rows.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
            }
            var encoding = keys ? problem.format().keys() : problem.format().values();
            var codec = encoding.codec(side, headDim);
            long offset = keys ? layout.keysOffset(h) : layout.valuesOffset(h);
            codec.encode(page, offset, view, mask);
            codec.decode(view, page, offset);
            addRows(keys ? head.keys() : head.values(), view, headDim, mask);
            if (!keys) {
              addBounds(head.bounds(), head.values(), headDim);
            }
          }
        }
        addresses.setAtIndex(ValueLayout.JAVA_LONG, (long) s * stride + p, upload(runtime, page));
      }
    }
    return new Pages(upload(runtime, addresses), upload(runtime, masks), stride);
  }

  private static void addRows(List<float[]> target, HeadRows rows, int headDim, long dead) {
    for (int t = 0; t < TOKENS; t++) {
      if ((dead >>> t & 1) == 0) {
        float[] row = new float[headDim];
        for (int c = 0; c < headDim; c++) {
          row[c] = rows.get(t, c);
        }
        target.add(row);
      }
    }
  }

  /** A value is scale times code plus zero: both parts are at most 16 steps, here below 8. */
  private static void addBounds(List<float[]> bounds, List<float[]> values, int headDim) {
    while (bounds.size() < values.size()) {
      float[] bound = new float[headDim];
      Arrays.fill(bound, 16f);
      bounds.add(bound);
    }
  }

  /** Slab tiles with rows that are dead, then hot tiles, of which the last is not full. */
  private static void addTiles(
      CudaRuntime runtime,
      Arena arena,
      Problem problem,
      SplittableRandom random,
      List<Head> heads,
      Pages pages,
      LineLayerFixture layers,
      MemorySegment positions,
      int sequence) {
    AttentionSpec spec = problem.spec();
    PageLayout layout = new PageLayout(spec.numKvHeads(), spec.headDim(), DType.BF16);
    int tiles = problem.tileCount(sequence);
    int slab = Math.max(0, Math.min(LineLayerTable.SLAB_TILES, tiles - 1));
    int hot = tiles - slab;
    MemorySegment addresses = arena.allocate(8L * (LineLayerTable.SLAB_TILES + hot), 8);
    MemorySegment dead = arena.allocate(8L * spec.numKvHeads() * LineLayerTable.SLAB_TILES, 8);
    int last = 1 + random.nextInt(TOKENS);
    for (int i = 0; i < tiles; i++) {
      MemorySegment tile = arena.allocate(layout.byteSize(), 128);
      for (int h = 0; h < spec.numKvHeads(); h++) {
        int used = i < slab ? 1 + random.nextInt(TOKENS) : i < tiles - 1 ? TOKENS : last;
        long mask = used == TOKENS ? 0 : -1L << used;
        if (i < slab) {
          long at = (long) h * LineLayerTable.SLAB_TILES + i;
          dead.setAtIndex(ValueLayout.JAVA_LONG, at, mask);
        }
        Head head = heads.get(sequence * spec.numKvHeads() + h);
        fillTile(tile, layout, h, mask, random, head);
      }
      int entry = i < slab ? i : LineLayerTable.SLAB_TILES + i - slab;
      addresses.setAtIndex(ValueLayout.JAVA_LONG, entry, upload(runtime, tile));
    }
    int packed = problem.pageCount(sequence);
    int position = TOKENS * (packed + hot - 1) + last - 1;
    positions.setAtIndex(ValueLayout.JAVA_INT, sequence, hot == 0 ? TOKENS * packed - 1 : position);
    layers.set(
        sequence,
        pages.addresses() + 8L * sequence * pages.stride(),
        pages.masks() + 8L * sequence * spec.numKvHeads() * pages.stride(),
        pages.stride(),
        upload(runtime, addresses),
        upload(runtime, dead),
        slab,
        hot,
        packed);
  }

  private static void fillTile(
      MemorySegment tile, PageLayout layout, int h, long mask, SplittableRandom random, Head head) {
    int headDim = layout.headDim();
    for (int t = 0; t < TOKENS; t++) {
      boolean dead = (mask >>> t & 1) != 0;
      float[] key = new float[headDim];
      float[] value = new float[headDim];
      for (int c = 0; c < headDim; c++) {
        short k = dead ? (short) 0x7fc0 : BFloat16.fromFloat((float) random.nextGaussian());
        short v = dead ? (short) 0x7fc0 : BFloat16.fromFloat((float) random.nextGaussian());
        key[c] = BFloat16.toFloat(k);
        value[c] = BFloat16.toFloat(v);
        tile.set(ValueLayout.JAVA_SHORT, layout.keysOffset(h) + 2L * (c * TOKENS + t), k);
        tile.set(ValueLayout.JAVA_SHORT, layout.valuesOffset(h) + 2L * (t * headDim + c), v);
      }
      if (!dead) {
        head.keys().add(key);
        head.values().add(value);
        head.bounds().add(value);
      }
    }
  }

  private static void compare(
      Problem problem,
      MemorySegment q,
      MemorySegment actual,
      List<Head> heads,
      double typicalError) {
    AttentionSpec spec = problem.spec();
    int headDim = spec.headDim();
    double squares = 0;
    double errorSquares = 0;
    for (int row = 0; row < problem.sequences() * spec.numQueryHeads(); row++) {
      Head head = heads.get(row / spec.groupSize());
      float[] query = new float[headDim];
      for (int c = 0; c < headDim; c++) {
        query[c] = q.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * headDim + c);
      }
      PackedOracle oracle =
          new PackedOracle(query, head.keys(), head.values(), head.bounds(), spec.softmaxScale());
      for (int c = 0; c < headDim; c++) {
        float value = actual.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * headDim + c);
        double exact = oracle.exact(c);
        assertThat(Math.abs(value - exact))
            .as("%s, row %d, channel %d: %s, expected %s", problem, row, c, value, exact)
            .isLessThanOrEqualTo(oracle.tolerance(c));
        squares += exact * exact;
        errorSquares += (value - exact) * (value - exact);
      }
    }
    // The bound is that of the worst case; rounding errors of both signs leave much less.
    assertThat(Math.sqrt(errorSquares / squares))
        .as("relative error of %s", problem)
        .isLessThanOrEqualTo(typicalError);
  }
}
