package io.vquant.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.OutOfDeviceMemoryException;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.UnstorableValueException;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.Tensor;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A cache that packs on a device against the same in host memory, and against itself. */
class CudaLineCacheTest {
  private static final int HEADS = 2;
  private static final int LAYERS = 2;
  private static final int MAX_TOKENS = 4000;

  private CudaBackend backend;

  @BeforeEach
  void open() {
    backend = CudaTestDevice.open();
  }

  @AfterEach
  void close() {
    if (backend != null) {
      backend.close();
    }
  }

  private static AttentionSpec attention(int headDim, int window) {
    return new AttentionSpec(3 * HEADS, HEADS, headDim, (float) (1 / Math.sqrt(headDim)), window);
  }

  private static KvCacheSpec spec(String policy, AttentionSpec attention) {
    KvLayerSpec layer = new KvLayerSpec(KvPolicy.parse(policy).base(), attention.slidingWindow());
    return new KvCacheSpec(
        HEADS, attention.headDim(), MAX_TOKENS, Collections.nCopies(LAYERS, layer));
  }

  /**
   * The same tokens on the reference and on the device. Head sizes without tensor cores are
   * computed in float32, so that both choose the same lines; then all is equal, byte for byte.
   */
  @ParameterizedTest
  @CsvSource({
    "'k4v4,window=64', 16, 0", "'k8v4,lines=40,window=64', 48, 0",
        "'k2v2,lines=36,window=64', 112, 0",
    "'k4v4g128,lines=5%,window=128', 256, 0", "'k8v8,window=64', 16, 300",
        "'k8v2,window=64,hadamard=off', 192, 0",
    "'k4v4,window=64', 64, 0", "'k8v4,lines=100,window=64', 128, 0", "'k8v8g128', 128, 0",
    "'k4v2,smooth=off,window=64', 80, 0", "'k8v4,lines=40,window=64', 64, 300"
  })
  void holdsWhatTheHostHolds(String policy, int headDim, int window) {
    AttentionSpec attention = attention(headDim, window == 0 ? AttentionSpec.NO_WINDOW : window);
    KvCacheSpec spec = spec(policy, attention);
    boolean float32 = !Kernel.PREFILL_LINES.has(headDim);
    try (ReferenceBackend reference = new ReferenceBackend();
        TokenPasses host = new TokenPasses(reference, attention, spec, 1);
        TokenPasses device = new TokenPasses(backend, attention, spec, 1)) {
      for (TokenPasses tokens : new TokenPasses[] {host, device}) {
        tokens.pass(200);
        tokens.steps(150);
        tokens.pass(77);
        tokens.steps(70);
      }
      for (int i = 0; i < LAYERS; i++) {
        LineKvLayer expected = (LineKvLayer) host.cache().layer(i);
        LineKvLayer actual = CudaLineLayers.copy(spec, device.cache().layer(i));
        assertSamePages(policy, expected, actual, float32);
        for (int head = 0; head < HEADS; head++) {
          assertSameLines(policy + ", head " + head, expected, actual, head, float32);
        }
      }
      assertThat(device.cache().byteSize()).isLessThanOrEqualTo(spec.byteSize(497) + 8 * 65536);
    }
  }

  private static void assertSamePages(
      String what, LineKvLayer expected, LineKvLayer actual, boolean sameLines) {
    assertThat(actual.length()).isEqualTo(expected.length());
    assertThat(actual.packedPages()).isEqualTo(expected.packedPages());
    assertThat(actual.firstPackedPage()).isEqualTo(expected.firstPackedPage());
    assertThat(actual.hotTiles()).isEqualTo(expected.hotTiles());
    for (int page = expected.firstPackedPage(); page < expected.packedPages(); page++) {
      assertThat(actual.packedPage(page).mismatch(expected.packedPage(page)))
          .as("%s, page %d", what, page)
          .isEqualTo(-1);
    }
    int headDim = expected.tileLayout().headDim();
    // Lines that no later query sees go when the next page is packed.
    int visible = expected.spec().firstVisible(expected.length()) * headDim;
    int from = sameLines ? visible : expected.hotStart() * headDim;
    int count = expected.length() * headDim;
    float[][] keys = new float[2][count];
    float[][] values = new float[2][count];
    for (int head = 0; head < HEADS; head++) {
      expected.readHead(head, keys[0], values[0]);
      actual.readHead(head, keys[1], values[1]);
      for (int i = from; i < count; i++) {
        assertThat(keys[1][i]).as("%s, key %d", what, i).isEqualTo(keys[0][i]);
        assertThat(values[1][i]).as("%s, value %d", what, i).isEqualTo(values[0][i]);
      }
    }
  }

  private static void assertSameLines(
      String what, LineKvLayer expected, LineKvLayer actual, int head, boolean same) {
    Set<Integer> wanted = lines(expected, head);
    Set<Integer> found = lines(actual, head);
    assertThat(masks(actual, head)).as("%s: masks", what).containsAll(found);
    if (same) {
      assertThat(found).as(what).isEqualTo(wanted);
    } else {
      assertThat(found).as(what).hasSameSizeAs(wanted);
      int size = found.size();
      found.retainAll(wanted);
      // Weights off by 2^-7 change places near the threshold.
      assertThat(found.size()).as("%s: common lines", what).isGreaterThanOrEqualTo(size * 4 / 5);
    }
  }

  private static Set<Integer> lines(LineKvLayer layer, int head) {
    Set<Integer> positions = new TreeSet<>();
    for (int r = 0; r < layer.slabRows(head); r++) {
      if (layer.slabPosition(head, r) >= layer.spec().firstVisible(layer.length())) {
        positions.add(layer.slabPosition(head, r));
      }
    }
    return positions;
  }

  private static Set<Integer> masks(LineKvLayer layer, int head) {
    Set<Integer> positions = new TreeSet<>();
    for (int page = 0; page < layer.packedPages(); page++) {
      for (int bit = 0; bit < PageLayout.TOKENS; bit++) {
        if ((layer.lineMasks(head)[page] >>> bit & 1) != 0) {
          positions.add(page * PageLayout.TOKENS + bit);
        }
      }
    }
    return positions;
  }

  @ParameterizedTest
  @CsvSource({"'k4v4,lines=2%,window=64', 64", "'k8v4,window=64', 128", "'k2v2,window=64', 16"})
  void aForkGoesItsOwnWayAndAnAbandonedPassLeavesNoTrace(String policy, int headDim) {
    AttentionSpec attention = attention(headDim, AttentionSpec.NO_WINDOW);
    KvCacheSpec spec = spec(policy, attention);
    try (TokenPasses tokens = new TokenPasses(backend, attention, spec, 2);
        TokenPasses twin = new TokenPasses(backend, attention, spec, 2)) {
      tokens.abandonedPass(333, 1);
      assertThat(tokens.pass(333)).isEqualTo(twin.pass(333));
      try (TokenPasses checkpoint = tokens.fork()) {
        tokens.steps(100);
        try (TokenPasses again = checkpoint.fork()) {
          for (int step = 0; step < 100; step++) {
            again.abandonedPass(1, step % 3);
            assertThat(again.pass(1)).as("step %d", step).isEqualTo(twin.pass(1));
          }
          again.abandonedPass(90, 1);
          again.abandonedPass(90, 2);
          assertThat(again.pass(90)).isEqualTo(twin.pass(90));
          assertThat(again.steps(3)).isEqualTo(twin.steps(3));
        }
        assertThat(checkpoint.cache().length()).isEqualTo(333);
      }
    }
  }

  /** Recorded steps give the bits of steps that are launched one by one, across packing. */
  @ParameterizedTest
  @CsvSource({"'k4v4,lines=2%,window=64', 64", "'k8v4,window=64', 128", "'k4v2,window=64', 80"})
  void replayedStepsAreTheSameSteps(String policy, int headDim) {
    AttentionSpec attention = attention(headDim, AttentionSpec.NO_WINDOW);
    KvCacheSpec spec = spec(policy, attention);
    try (TokenPasses tokens = new TokenPasses(backend, attention, spec, 5);
        TokenPasses twin = new TokenPasses(backend, attention, spec, 5)) {
      tokens.pass(100);
      twin.pass(100);
      for (int step = 0; step < 200; step++) {
        assertThat(tokens.replayedStep()).as("step %d", step).isEqualTo(twin.pass(1));
      }
      assertThat(tokens.pass(50)).isEqualTo(twin.pass(50));
      assertThat(tokens.replayedStep()).isEqualTo(twin.pass(1));
    }
  }

  @Test
  void onlyZeroAndTheEndCanBeTruncatedTo() {
    AttentionSpec attention = attention(64, AttentionSpec.NO_WINDOW);
    KvCacheSpec spec = spec("k4v4", attention);
    try (TokenPasses tokens = new TokenPasses(backend, attention, spec, 3);
        TokenPasses fresh = new TokenPasses(backend, attention, spec, 3)) {
      tokens.pass(300);
      assertThat(tokens.cache().canTruncate(299)).isFalse();
      assertThatThrownBy(() -> tokens.cache().truncate(299))
          .isInstanceOf(IllegalStateException.class);
      tokens.cache().truncate(0);
      assertThat(tokens.pass(250)).isEqualTo(fresh.pass(250));
    }
  }

  @Test
  void valuesThatCodesCannotHoldAreRefusedByName() {
    AttentionSpec attention = attention(64, AttentionSpec.NO_WINDOW);
    KvCacheSpec spec = spec("k4v4,hadamard=off", attention);
    try (KvCache cache = backend.kvCache(spec)) {
      cache.beginPass(1);
      Tensor rows = backend.matrix(1, HEADS * 64);
      backend.runtime().stream().fill(Operands.address(rows) + 4L * 65, 0x7fc00000, 1);
      cache.layer(0).append(rows, backend.matrix(1, HEADS * 64), 0);
      Tensor host = backend.hostMatrix(1, HEADS * 64);
      assertThatThrownBy(() -> backend.copy(host, rows))
          .isInstanceOf(UnstorableValueException.class)
          .hasMessageContainingAll("position 0", "KV head 1", "channel 1", "NaN", "k4v4");
      cache.abandonPass();
      assertThatThrownBy(() -> cache.beginPass(1)).isInstanceOf(UnstorableValueException.class);
      cache.truncate(0);
      cache.beginPass(1);
    }
  }

  @Test
  void lackOfMemoryIsToldAndLeavesTheCacheUsable() {
    AttentionSpec attention = attention(128, AttentionSpec.NO_WINDOW);
    KvLayerSpec layer = new KvLayerSpec(KvPolicy.parse("k8v8").base(), attention.slidingWindow());
    KvCacheSpec spec = new KvCacheSpec(HEADS, 128, 1 << 20, Collections.nCopies(8, layer));
    try (TokenPasses tokens = new TokenPasses(backend, attention, spec, 4)) {
      float[] first = tokens.pass(100);
      var taken = backend.runtime().allocate(backend.runtime().freeByteSize() - (96L << 20));
      assertThatThrownBy(() -> tokens.cache().beginPass(900_000))
          .isInstanceOf(OutOfDeviceMemoryException.class)
          .hasMessageContaining("cuda:0");
      backend.runtime().free(taken);
      assertThat(tokens.cache().length()).isEqualTo(100);
      tokens.steps(70);
      tokens.cache().truncate(0);
      assertThat(tokens.pass(100)).isEqualTo(first);
    }
  }
}
