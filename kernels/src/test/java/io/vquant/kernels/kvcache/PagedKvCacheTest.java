package io.vquant.kernels.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PagedKvCacheTest {

  private static final int HEADS = 3;
  private static final int HEAD_DIM = 5;
  private static final int WIDTH = HEADS * HEAD_DIM;

  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16"})
  void whatIsAppendedInPiecesIsReadBack(DType dtype) {
    try (PagedKvCache cache = new PagedKvCache(spec(2, 300, dtype))) {
      int position = 0;
      for (int rows : new int[] {1, 63, 1, 64, 2, 0, 130}) {
        for (int layer = 0; layer < 2; layer++) {
          cache
              .layer(layer)
              .append(
                  tokens(position, rows, 1 + layer), tokens(position, rows, -1 - layer), position);
        }
        position += rows;
        assertThat(cache.length()).isEqualTo(position);
      }
      for (int layer = 0; layer < 2; layer++) {
        assertHolds((PagedKvLayer) cache.layer(layer), 0, 261, 1 + layer);
      }
    }
  }

  @Test
  void aPageHoldsKeysTransposedAndValuesRowByRow() {
    try (PagedKvCache cache = new PagedKvCache(spec(1, 128, DType.F32))) {
      PagedKvLayer layer = plain(cache, 0);
      layer.append(tokens(0, 70, 1), tokens(0, 70, -1), 0);
      // Page 1 begins at token 64. Head 2's keys follow the keys and values of two heads.
      MemorySegment page = layer.page(1);
      long headByteSize = 64L * HEAD_DIM * 4;
      long key = 2 * 2 * headByteSize + (4 * 64 + 3) * 4L;
      long value = (2 * 2 + 1) * headByteSize + (3 * HEAD_DIM + 4) * 4L;
      assertThat(page.get(ValueLayout.JAVA_FLOAT, key)).isEqualTo(element(67, 2, 4, 1));
      assertThat(page.get(ValueLayout.JAVA_FLOAT, value)).isEqualTo(element(67, 2, 4, -1));
      assertThat(page.byteSize()).isEqualTo(2 * HEADS * headByteSize);
    }
  }

  @Test
  void pagesComeAndGoWithTokens() {
    KvCacheSpec spec = spec(2, 200, DType.BF16);
    try (PagedKvCache cache = new PagedKvCache(spec)) {
      assertThat(cache.byteSize()).isZero();
      assertThat(cache.length()).isZero();
      append(cache, 0, 64);
      assertThat(cache.byteSize()).isEqualTo(spec.byteSize(64)).isEqualTo(2L * 64 * WIDTH * 2 * 2);
      append(cache, 64, 1);
      assertThat(cache.byteSize()).isEqualTo(spec.byteSize(65)).isEqualTo(2 * spec.byteSize(64));
      append(cache, 65, 135);
      assertThat(cache.byteSize()).isEqualTo(spec.byteSize(200)).isEqualTo(4 * spec.byteSize(64));
      MemorySegment first = plain(cache, 0).page(0);

      cache.truncate(10);
      assertThat(cache.length()).isEqualTo(10);
      assertThat(cache.byteSize()).isEqualTo(spec.byteSize(10));
      append(cache, 10, 60);
      assertThat(plain(cache, 0).page(0)).isSameAs(first);
      assertThat(cache.length()).isEqualTo(70);
      assertHolds(plain(cache, 1), 0, 70, 1);
    }
  }

  @Test
  void appendingInTheMiddleReplacesTheTail() {
    try (PagedKvCache cache = new PagedKvCache(spec(1, 200, DType.F32))) {
      append(cache, 0, 100);
      cache.layer(0).append(tokens(50, 3, 7), tokens(50, 3, -7), 50);
      assertThat(cache.length()).isEqualTo(53);
      assertHolds(plain(cache, 0), 0, 50, 1);
      assertHolds(plain(cache, 0), 50, 53, 7);
    }
  }

  @Test
  void lengthIsThatOfTheShortestLayer() {
    try (PagedKvCache cache = new PagedKvCache(spec(2, 200, DType.F32))) {
      cache.layer(0).append(tokens(0, 5, 1), tokens(0, 5, -1), 0);
      assertThat(cache.length()).isZero();
      cache.layer(1).append(tokens(0, 4, 1), tokens(0, 4, -1), 0);
      assertThat(cache.length()).isEqualTo(4);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1.00390625, 1.0", // halfway between 0x3f80 and 0x3f81: to the even one
    "1.01171875, 1.015625", // halfway between 0x3f81 and 0x3f82
    "1.0039064, 1.0078125",
    "3.4028235e38, Infinity",
    "-3.4028235e38, -Infinity",
    "Infinity, Infinity",
    "-Infinity, -Infinity",
    "NaN, NaN",
    "-0.0, -0.0",
    "1e-45, 0.0"
  })
  void aBf16CacheRoundsToNearestEven(float given, float held) {
    try (PagedKvCache cache = new PagedKvCache(new KvCacheSpec(1, 1, 1, 64, DType.BF16))) {
      Tensor one = matrix(1, 1);
      one.segment().set(ValueLayout.JAVA_FLOAT, 0, given);
      cache.layer(0).append(one, one, 0);
      // Boxed: NaN equals NaN, and 0 differs from -0.
      assertThat(plain(cache, 0).key(0, 0, 0)).isEqualTo(Float.valueOf(held));
      assertThat(plain(cache, 0).value(0, 0, 0)).isEqualTo(Float.valueOf(held));
    }
  }

  @Test
  void rowsOfAWiderMatrixAreAppended() {
    try (PagedKvCache cache = new PagedKvCache(spec(1, 64, DType.F32))) {
      // Keys and values side by side, as one product gives them.
      Tensor both = matrix(4, 2 * WIDTH);
      fill(both, 0, 1);
      Layout left = new Layout(0, 4, WIDTH, 2 * WIDTH);
      Tensor keys = new Tensor(both.storage(), DType.F32, left);
      Tensor values = new Tensor(both.storage(), DType.F32, new Layout(WIDTH, 4, WIDTH, 2 * WIDTH));
      fill(keys, 0, 1);
      fill(values, 0, -1);
      cache.layer(0).append(keys, values, 0);
      assertHolds(plain(cache, 0), 0, 4, 1);
    }
  }

  @Test
  void misuseIsRefusedAndChangesNothing() {
    try (PagedKvCache cache = new PagedKvCache(spec(1, 100, DType.F32))) {
      PagedKvLayer layer = plain(cache, 0);
      append(cache, 0, 90);
      assertRefused(() -> append(cache, 90, 11), "101", "at most 100");
      assertRefused(() -> append(cache, 91, 1), "91", "90 tokens");
      assertRefused(() -> append(cache, -1, 1), "-1");
      Tensor wide = matrix(1, WIDTH + 1);
      Tensor row = matrix(1, WIDTH);
      assertRefused(() -> layer.append(wide, row, 90), "expected " + WIDTH);
      assertRefused(() -> layer.append(row, wide, 90), "expected " + WIDTH);
      assertRefused(() -> layer.append(row, matrix(2, WIDTH), 90), "rows=2");
      assertRefused(() -> cache.truncate(91), "91", "90");
      assertRefused(() -> cache.truncate(-1), "-1");
      assertThat(cache.length()).isEqualTo(90);
      assertHolds(layer, 0, 90, 1);
      append(cache, 90, 10);
      assertThat(cache.length()).isEqualTo(100);
      assertThatThrownBy(() -> layer.key(0, 100, 0))
          .isInstanceOf(IndexOutOfBoundsException.class)
          .hasMessageContaining("100 of 100");
    }
  }

  @Test
  void impossibleSizesAreRefused() {
    assertRefused(() -> new KvCacheSpec(0, 1, 1, 1, DType.F32), "0 layers");
    assertRefused(() -> new KvCacheSpec(1, 0, 1, 1, DType.F32), "0 KV heads");
    assertRefused(() -> new KvCacheSpec(1, 1, 0, 1, DType.F32), "head size 0");
    assertRefused(() -> new KvCacheSpec(1, 1, 1, 0, DType.F32), "0 tokens");
    assertRefused(() -> new KvCacheSpec(1, 1, 1, 1, DType.F16), "F16", "F32 or BF16");
  }

  @Test
  void aContextOfABillionTokensTakesNoPages() {
    KvCacheSpec spec = new KvCacheSpec(1, 8, 128, 1_000_000_000, DType.BF16);
    try (PagedKvCache cache = new PagedKvCache(spec)) {
      assertThat(cache.byteSize()).isZero();
      assertThat(spec.byteSize(1_000_000_000)).isEqualTo(4_096_000_000_000L);
    }
  }

  @Test
  void aClosedCacheIsGone() {
    PagedKvCache cache = new PagedKvCache(spec(1, 64, DType.F32));
    append(cache, 0, 1);
    cache.close();
    assertThatThrownBy(() -> plain(cache, 0).key(0, 0, 0))
        .isInstanceOf(IllegalStateException.class);
  }

  private static void assertRefused(Runnable misuse, String... words) {
    assertThatIllegalArgumentException()
        .isThrownBy(misuse::run)
        .withMessageContainingAll(words)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
  }

  private static PagedKvLayer plain(KvCache cache, int layer) {
    return (PagedKvLayer) cache.layer(layer);
  }

  private static KvCacheSpec spec(int layers, int maxTokens, DType dtype) {
    return new KvCacheSpec(layers, HEADS, HEAD_DIM, maxTokens, dtype);
  }

  private static void append(PagedKvCache cache, int position, int rows) {
    for (int i = 0; i < cache.spec().numLayers(); i++) {
      cache.layer(i).append(tokens(position, rows, 1), tokens(position, rows, -1), position);
    }
  }

  private static void assertHolds(PagedKvLayer layer, int from, int to, int factor) {
    for (int position = from; position < to; position++) {
      for (int i = 0; i < WIDTH; i++) {
        int head = i / HEAD_DIM;
        int channel = i % HEAD_DIM;
        float expected = element(position, head, channel, factor);
        assertThat(layer.key(head, position, channel))
            .as("key of head %d, position %d, channel %d", head, position, channel)
            .isEqualTo(expected);
        assertThat(layer.value(head, position, channel))
            .as("value of head %d, position %d, channel %d", head, position, channel)
            .isEqualTo(-expected);
      }
    }
  }

  /** A small integer ratio that differs by position, head and channel, and that BF16 holds. */
  private static float element(int position, int head, int channel, int factor) {
    float mixed = Math.floorMod(position * 31 + head * 7 + channel * 3, 127) / 64f;
    return BFloat16.toFloat(BFloat16.fromFloat(mixed * factor));
  }

  private static Tensor tokens(int position, int rows, int factor) {
    Tensor tokens = matrix(rows, WIDTH);
    fill(tokens, position, factor);
    return tokens;
  }

  private static void fill(Tensor tensor, int position, int factor) {
    for (int row = 0; row < tensor.rows(); row++) {
      for (int i = 0; i < tensor.columns(); i++) {
        float value = element(position + row, i / HEAD_DIM, i % HEAD_DIM, factor);
        tensor.segment().set(ValueLayout.JAVA_FLOAT, tensor.rowByteOffset(row) + i * 4L, value);
      }
    }
  }

  private static Tensor matrix(int rows, int columns) {
    MemorySegment segment = Arena.ofAuto().allocate((long) rows * columns * 4, 64);
    HostStorage storage = new HostStorage(Device.REFERENCE, segment);
    return new Tensor(storage, DType.F32, Layout.dense(rows, columns));
  }
}
