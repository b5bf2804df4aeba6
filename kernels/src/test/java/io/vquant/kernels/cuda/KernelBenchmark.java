package io.vquant.kernels.cuda;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.cuda.driver.CudaEvent;
import io.vquant.kernels.cuda.driver.CudaGraph;
import io.vquant.kernels.cuda.driver.CudaStream;
import io.vquant.kernels.cuda.driver.DeviceMemory;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.LineBudget;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;

/**
 * Times kernels on the first GPU, one line each: time, bytes or operations a second. Work is
 * recorded and replayed; the cache is filled with other, clean lines before each replay.
 */
final class KernelBenchmark implements AutoCloseable {
  private static final int REPEATS = 12;
  private static final int WARM_UP = 3;
  private static final int FLUSH_ROWS = 16384;
  private static final int FLUSH_COLUMNS = 8192;
  private static final long RANDOM_BYTES = 64L << 20;

  private final CudaRuntime runtime;
  private final Device device;
  private final MemorySegment random;
  private final LinearOperator flush;
  private final Tensor flushIn;
  private final Tensor flushOut;

  private KernelBenchmark() {
    runtime = new CudaRuntime(CudaAvailability.require(0), CudaAvailability.images());
    device = runtime.device();
    random = Arena.global().allocate(RANDOM_BYTES, 64);
    // BF16 numbers of magnitude 2^-8 to 2^-4, any sign.
    Random bits = new Random(1);
    for (long i = 0; i < RANDOM_BYTES / 2; i++) {
      int value = bits.nextInt();
      int exponent = 119 + (value & 3);
      random.setAtIndex(
          ValueLayout.JAVA_SHORT,
          i,
          (short) ((value >>> 16 & 0x8000) | exponent << 7 | (value >>> 8 & 0x7f)));
    }
    flush = new CudaLinear(runtime, matrix(DType.BF16, FLUSH_ROWS, FLUSH_COLUMNS), null);
    flushIn = matrix(DType.F32, 1, FLUSH_COLUMNS);
    flushOut = matrix(DType.F32, 1, FLUSH_ROWS);
  }

  public static void main(String[] args) {
    try (KernelBenchmark benchmark = new KernelBenchmark()) {
      List<String> chosen = List.of(args);
      if (chosen.contains("gemv")) {
        benchmark.weightsOfOneStep();
      }
      if (chosen.contains("gemm")) {
        benchmark.products();
      }
      if (chosen.contains("codes")) {
        CodeBenchmark codes = new CodeBenchmark(benchmark);
        codes.rows();
        codes.steps();
        codes.unpacking();
      }
      if (chosen.contains("rows")) {
        new RowBenchmark(benchmark).run();
      }
      if (chosen.contains("decode")) {
        benchmark.decoding();
      }
      if (chosen.contains("packed")) {
        benchmark.decodingPacked("k4v4g128");
        benchmark.decodingPacked("k4v4");
        benchmark.decodingPacked("k8v4");
      }
      if (chosen.contains("cache")) {
        new CacheStepBenchmark(benchmark).run();
      }
      if (chosen.contains("prefill")) {
        benchmark.prefill();
      }
    }
  }

  CudaRuntime runtime() {
    return runtime;
  }

  DeviceMemory randomMemory(long byteSize) {
    DeviceMemory memory = runtime.allocate(byteSize);
    CudaStream stream = runtime.stream();
    for (long at = 0; at < byteSize; at += RANDOM_BYTES) {
      long part = Math.min(RANDOM_BYTES, byteSize - at);
      stream.copyToDevice(memory.address() + at, random.asSlice(0, part));
    }
    stream.synchronize();
    return memory;
  }

  Tensor matrix(DType dtype, int rows, int columns) {
    long byteSize = (long) rows * columns * dtype.byteSize();
    CudaStorage storage = new CudaStorage(device, randomMemory(byteSize).address(), byteSize);
    return new Tensor(storage, dtype, Layout.dense(rows, columns));
  }

  /** Fastest and median time in milliseconds. */
  double[] time(Runnable work) {
    CudaStream stream = runtime.stream();
    work.run();
    runtime.stream().synchronize();
    double[] times = new double[REPEATS];
    try (CudaGraph graph =
            stream.record(() -> {
              work.run();
              runtime.stream();
            });
        CudaEvent start = new CudaEvent();
        CudaEvent end = new CudaEvent()) {
      for (int i = -WARM_UP; i < REPEATS; i++) {
        flush.forward(flushOut, flushIn);
        runtime.stream();
        start.record(stream);
        graph.launch(stream);
        end.record(stream);
        end.synchronize();
        if (i >= 0) {
          times[i] = end.millisecondsSince(start);
        }
      }
    }
    Arrays.sort(times);
    return new double[] {times[0], times[REPEATS / 2]};
  }

  static void print(String name, double[] times, double amount, String unit) {
    System.out.printf(
        "%-46s %9.4f ms (median %9.4f) %8.0f %s%n",
        name, times[0], times[1], amount / times[0] / 1e6, unit);
  }

  /** Products of one row with the weights of so many layers of an 8B Llama. */
  List<List<Runnable>> layerProducts(int layers) {
    int[][] shapes = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}};
    Tensor in = matrix(DType.F32, 1, 14336);
    Tensor out = matrix(DType.F32, 1, 28672);
    List<List<Runnable>> products = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      List<Runnable> own = new ArrayList<>();
      for (int[] shape : shapes) {
        own.add(product(out, in, shape[0], shape[1]));
      }
      products.add(own);
    }
    return products;
  }

  /** The weights that one token of an 8B Llama reads. */
  private void weightsOfOneStep() {
    Tensor in = matrix(DType.F32, 1, 4096);
    Tensor out = matrix(DType.F32, 1, 128256);
    List<Runnable> steps = new ArrayList<>();
    layerProducts(32).forEach(steps::addAll);
    steps.add(product(out, in, 128256, 4096));
    double bytes = 2.0 * (32 * (6144.0 + 4096 + 28672 + 14336) * 4096 + 128256.0 * 4096);
    print("gemv, weights of an 8B step", time(() -> steps.forEach(Runnable::run)), bytes, "GB/s");
  }

  private Runnable product(Tensor out, Tensor in, int rows, int columns) {
    CudaLinear linear = new CudaLinear(runtime, matrix(DType.BF16, rows, columns), null);
    Tensor x = new Tensor(in.storage(), DType.F32, Layout.dense(1, columns));
    Tensor y = new Tensor(out.storage(), DType.F32, Layout.dense(1, rows));
    return () -> linear.forward(y, x);
  }

  /** BF16 is the library's where there is one, F16 is multiplied by our own kernel. */
  private void products() {
    System.out.println(CudaAvailability.products());
    int[][] shapes = {
      {256, 4096, 4096},
      {2048, 6144, 4096},
      {2048, 4096, 4096},
      {2048, 28672, 4096},
      {2048, 4096, 14336},
      {4096, 14336, 4096},
      {8192, 8192, 8192}
    };
    for (int[] shape : shapes) {
      Tensor x = matrix(DType.F32, shape[0], shape[2]);
      Tensor out = matrix(DType.F32, shape[0], shape[1]);
      double operations = 2.0 * shape[0] * shape[1] * shape[2];
      for (DType dtype : new DType[] {DType.BF16, DType.F16}) {
        CudaLinear linear = new CudaLinear(runtime, matrix(dtype, shape[1], shape[2]), null);
        print(
            "gemm %s %s".formatted(dtype, Arrays.toString(shape)),
            time(() -> linear.forward(out, x)),
            operations / 1e3,
            "TFLOP/s");
      }
    }
  }

  private void decoding() {
    AttentionSpec spec = new AttentionSpec(32, 8, 128, 0.088388f, AttentionSpec.NO_WINDOW);
    PageLayout layout = new PageLayout(8, 128, DType.BF16);
    int[][] cases = {
      {1, 8192},
      {1, 32768},
      {1, 131072},
      {8, 8192},
      {8, 32768},
      {8, 131072},
      {32, 16384},
      {64, 8192}
    };
    long maxPages = 8L * 131072 / PageLayout.TOKENS;
    DeviceMemory pages = randomMemory(maxPages * layout.byteSize());
    DeviceMemory table = runtime.allocate(maxPages * Long.BYTES);
    MemorySegment addresses = Arena.ofAuto().allocate(maxPages * Long.BYTES, Long.BYTES);
    for (long i = 0; i < maxPages; i++) {
      addresses.setAtIndex(ValueLayout.JAVA_LONG, i, pages.address() + i * layout.byteSize());
    }
    runtime.stream().copyToDevice(table.address(), addresses);
    PlainDecode decode = new PlainDecode(runtime, spec, 64);
    Tensor q = matrix(DType.F32, 64, 4096);
    Tensor out = matrix(DType.F32, 64, 4096);
    DeviceMemory positions = runtime.allocate(64 * Integer.BYTES);
    for (int[] size : cases) {
      runtime.stream().fill(positions.address(), size[1] - 1, 64);
      int perSequence = size[1] / PageLayout.TOKENS;
      long offsets =
          runtime
              .sequenceRows()
              .offsets(LongStream.range(0, size[0]).map(i -> 8L * perSequence * i).toArray());
      double bytes = (double) size[0] * perSequence * layout.byteSize();
      double[] times =
          time(() ->
              decode.forward(
                  Operands.address(out),
                  Operands.address(q),
                  table.address(),
                  offsets,
                  positions.address(),
                  size[0]));
      print("decode bf16 pages " + size[0] + " x " + size[1], times, bytes, "GB/s");
    }
  }

  /** With 1 % lines and a window of 128: the slab and the ring are in the tiles. */
  private void decodingPacked(String formatName) {
    AttentionSpec spec = new AttentionSpec(32, 8, 128, 0.088388f, AttentionSpec.NO_WINDOW);
    KvFormat format = KvFormats.parse(formatName);
    KvPageLayout packed = new KvPageLayout(format, 8, 128);
    PageLayout plain = new PageLayout(8, 128, DType.BF16);
    int[][] cases = {
      {1, 8192},
      {1, 32768},
      {1, 131072},
      {8, 8192},
      {8, 32768},
      {8, 131072},
      {32, 16384},
      {64, 8192}
    };
    PackedDecode decode = new PackedDecode(runtime, spec, format, 64);
    Tensor q = matrix(DType.F32, 64, 4096);
    Tensor out = matrix(DType.F32, 64, 4096);
    for (int[] size : cases) {
      int sequences = size[0];
      int lines = LineBudget.ofShare(0.01).at(size[1]);
      int tileCount = Math.ceilDiv(lines, 64) + 3;
      int pageCount = size[1] / 64 - 2;
      List<DeviceMemory> taken = new ArrayList<>();
      Table pages = table(taken, sequences, pageCount, packed.byteSize(), lines, 0);
      Table tiles =
          table(taken, sequences, tileCount, plain.byteSize(), 0, LineLayerTable.SLAB_TILES);
      LineLayerFixture layers = new LineLayerFixture(runtime, sequences, 8);
      DeviceMemory dead = runtime.allocate(8L * 8 * LineLayerTable.SLAB_TILES);
      runtime.stream().zero(dead.address(), dead.byteSize());
      taken.add(dead);
      for (int i = 0; i < sequences; i++) {
        long entry = 8L * i;
        layers.set(
            i,
            pages.addresses() + entry * pageCount,
            pages.masks() + entry * 8 * pageCount,
            pageCount,
            tiles.addresses() + entry * (tileCount + LineLayerTable.SLAB_TILES),
            dead.address(),
            tileCount - 3,
            3,
            pageCount);
      }
      long structs = layers.upload();
      long offsets = runtime.sequenceRows().offsets(layers.addresses(structs));
      DeviceMemory positions = runtime.allocate(64 * Integer.BYTES);
      taken.add(positions);
      runtime.stream().fill(positions.address(), pageCount * 64 + 191, 64);
      double bytes =
          (double) sequences * (pageCount * packed.byteSize() + tileCount * plain.byteSize());
      print(
          "decode " + formatName + " " + sequences + " x " + size[1],
          time(() ->
              decode.forward(
                  Operands.address(out),
                  Operands.address(q),
                  structs,
                  offsets,
                  positions.address(),
                  sequences,
                  PackedDecode.TRANSFORM_QUERIES | PackedDecode.SQUARED_WEIGHTS)),
          bytes,
          "GB/s");
      taken.forEach(runtime::free);
    }
  }

  /** Tables of addresses and of masks. */
  private record Table(long addresses, long masks) {}

  /**
   * Pages of random bytes, and masks with {@code lines} bits a head spread over the pages; for
   * tiles, {@code slab} entries a sequence, then three hot ones.
   */
  private Table table(
      List<DeviceMemory> taken, int sequences, int count, long byteSize, int lines, int slab) {
    DeviceMemory memory = randomMemory((long) sequences * count * byteSize);
    int entries = slab == 0 ? count : count + slab;
    DeviceMemory table = runtime.allocate((long) sequences * entries * Long.BYTES);
    DeviceMemory masks = runtime.allocate((long) sequences * 8 * count * Long.BYTES);
    taken.addAll(List.of(memory, table, masks));
    MemorySegment addresses = Arena.ofAuto().allocate(table.byteSize(), 8);
    for (int sequence = 0; sequence < sequences; sequence++) {
      for (int i = 0; i < count; i++) {
        int entry = slab == 0 || i < count - 3 ? i : slab + i - (count - 3);
        addresses.setAtIndex(
            ValueLayout.JAVA_LONG,
            (long) sequence * entries + entry,
            memory.address() + ((long) sequence * count + i) * byteSize);
      }
    }
    MemorySegment bits = Arena.ofAuto().allocate(masks.byteSize(), 8);
    for (long head = 0; head < 8L * sequences; head++) {
      for (int i = 0; i < lines; i++) {
        long page = head * count + (long) i * 7 % count;
        bits.setAtIndex(
            ValueLayout.JAVA_LONG, page, bits.getAtIndex(ValueLayout.JAVA_LONG, page) | 1L << i);
      }
    }
    runtime.stream().copyToDevice(table.address(), addresses);
    runtime.stream().copyToDevice(masks.address(), bits);
    runtime.stream().synchronize();
    return new Table(table.address(), masks.address());
  }

  private void prefill() {
    AttentionSpec spec = new AttentionSpec(32, 8, 128, 0.088388f, AttentionSpec.NO_WINDOW);
    CudaAttention attention = new CudaAttention(runtime, spec, DType.BF16);
    for (int rows : new int[] {4096, 16384}) {
      try (CudaKvCache cache =
          new CudaKvCache(runtime, new KvCacheSpec(1, 8, 128, rows, DType.BF16))) {
        cache.beginPass(rows);
        Tensor kv = matrix(DType.F32, rows, 1024);
        cache.layer(0).append(kv, kv, 0);
        Tensor q = matrix(DType.F32, rows, 4096);
        Tensor out = matrix(DType.F32, rows, 4096);
        double operations = 2.0 * rows * rows * 128 * 32;
        print(
            "prefill attention bf16 " + rows,
            time(() -> attention.forward(out, q, cache.layer(0), 0)),
            operations / 1e3,
            "TFLOP/s");
      }
    }
  }

  @Override
  public void close() {
    runtime.close();
  }
}
