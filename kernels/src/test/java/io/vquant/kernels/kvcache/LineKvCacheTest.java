package io.vquant.kernels.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LineKvCacheTest {
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 16;
  private static final int LAYERS = 2;
  private static final AttentionSpec ATTENTION =
      new AttentionSpec(2 * HEADS, HEADS, HEAD_DIM, 0.25f, AttentionSpec.NO_WINDOW);

  private final ReferenceBackend backend = new ReferenceBackend();

  @AfterEach
  void close() {
    backend.close();
  }

  private LineSequence sequence(String policy, long seed) {
    return sequence(policy, seed, ATTENTION);
  }

  private LineSequence sequence(String policy, long seed, AttentionSpec attention) {
    KvLayerSpec layer = new KvLayerSpec(KvPolicy.parse(policy).base(), attention.slidingWindow());
    KvCacheSpec spec = new KvCacheSpec(HEADS, HEAD_DIM, 4000, Collections.nCopies(LAYERS, layer));
    return new LineSequence(backend, attention, spec, seed);
  }

  @Test
  void theRingKeepsTheWindowAndPagesLeaveItWhole() {
    try (LineSequence tokens = sequence("k4v4,window=128", 1)) {
      for (int length = 1; length <= 700; length++) {
        tokens.pass(1);
        LineKvLayer layer = tokens.layer(1);
        int hot = length - layer.hotStart();
        assertThat(layer.hotStart() % 64).isZero();
        assertThat(hot).as("hot tokens of %d", length).isLessThan(128 + 64);
        assertThat(hot).isGreaterThanOrEqualTo(Math.min(length, 128));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"k8v8,lines=5%", "k4v4,lines=40,sinks=2,window=64", "k2v2,lines=36"})
  void linesAreWhereTheMasksSay(String policy) {
    try (LineSequence tokens = sequence(policy, 2)) {
      tokens.pass(300);
      for (int step = 0; step < 400; step++) {
        tokens.pass(1);
      }
      tokens.pass(130);
      LineKvLayer layer = tokens.layer(0);
      KvLayerPolicy rules = layer.spec().policy();
      for (int head = 0; head < HEADS; head++) {
        Set<Integer> inSlab = new HashSet<>();
        for (int r = 0; r < layer.slabRows(head); r++) {
          assertThat(inSlab.add(layer.slabPosition(head, r))).isTrue();
        }
        Set<Integer> inMasks = new HashSet<>();
        for (int page = 0; page < layer.packedPages(); page++) {
          for (int bit = 0; bit < 64; bit++) {
            if ((layer.lineMasks(head)[page] >>> bit & 1) != 0) {
              inMasks.add(64 * page + bit);
            }
          }
        }
        assertThat(inSlab).isEqualTo(inMasks);
        assertThat(inSlab.size()).isEqualTo(rules.slabRows(layer.length()));
        for (int sink = 0; sink < rules.sinks(); sink++) {
          assertThat(inSlab).contains(sink);
        }
      }
    }
  }

  /** The slab holds rows of the keys as they were, whatever came and went since. */
  @Test
  void linesAreExactRows() {
    try (LineSequence tokens = sequence("k2v2,lines=48,smooth=off,hadamard=off", 3)) {
      tokens.pass(200);
      for (int step = 0; step < 600; step++) {
        tokens.pass(1);
      }
      LineKvLayer layer = tokens.layer(1);
      float[] keys = new float[layer.length() * HEAD_DIM];
      float[] values = new float[layer.length() * HEAD_DIM];
      int checked = 0;
      for (int head = 0; head < HEADS; head++) {
        layer.readHead(head, keys, values);
        for (int r = 0; r < layer.slabRows(head); r++) {
          int position = layer.slabPosition(head, r);
          float[] given = tokens.keys(position, 1, 1).segment().toArray(ValueLayout.JAVA_FLOAT);
          for (int c = 0; c < HEAD_DIM; c++) {
            float rounded = bf16(given[head * HEAD_DIM + c]);
            assertThat(keys[position * HEAD_DIM + c]).isEqualTo(rounded);
            checked++;
          }
        }
      }
      assertThat(checked).isEqualTo(HEADS * 48 * HEAD_DIM);
    }
  }

  private static float bf16(float value) {
    return BFloat16.toFloat(BFloat16.fromFloat(value));
  }

  /** With 8 bits attention is close to that of a cache that keeps everything in 32. */
  @ParameterizedTest
  @ValueSource(
      strings = {"k8v8", "k8v8,smooth=off", "k8v8,hadamard=off", "k8v8,lines=0,sinks=0,window=0"})
  void attentionIsThatOfTheTokens(String policy) {
    KvCacheSpec plain = new KvCacheSpec(LAYERS, HEADS, HEAD_DIM, 4000, DType.F32);
    double worst = 0;
    try (LineSequence tokens = sequence(policy, 4);
        LineSequence exact = new LineSequence(backend, ATTENTION, plain, 4)) {
      for (int rows : new int[] {1, 190, 1, 1, 70, 256, 1, 40}) {
        float[] found = tokens.pass(rows);
        float[] expected = exact.pass(rows);
        for (int i = 0; i < found.length; i++) {
          worst = Math.max(worst, Math.abs(found[i] - expected[i]));
        }
      }
    }
    // Keys are off by at most 2^-9 of a range of about 12 or a BF16 rounding of magnitudes to 12,
    // which moves a score by some 0.1 and an output of magnitude 3 by some 0.1 in the worst case.
    assertThat(worst).isBetween(1e-6, 0.3);
  }

  @Test
  void aPassThatIsAbandonedLeavesNoTrace() {
    try (LineSequence tokens = sequence("k4v4,lines=2%,window=64", 5);
        LineSequence twin = sequence("k4v4,lines=2%,window=64", 5)) {
      for (int rows : new int[] {10, 150, 1, 1, 1, 77}) {
        tokens.failingPass(rows, 1);
        tokens.failingPass(1, 0);
        tokens.failingPass(300, 0);
        assertThat(tokens.pass(rows)).isEqualTo(twin.pass(rows));
        assertSameState(tokens, twin);
      }
    }
  }

  @Test
  void aForkGoesItsOwnWay() {
    try (LineSequence tokens = sequence("k4v2,lines=2%,window=64", 6);
        LineSequence twin = sequence("k4v2,lines=2%,window=64", 6)) {
      tokens.pass(333);
      twin.pass(333);
      try (LineSequence checkpoint = tokens.fork()) {
        for (int step = 0; step < 150; step++) {
          tokens.pass(1);
        }
        try (LineSequence again = checkpoint.fork()) {
          for (int step = 0; step < 150; step++) {
            assertThat(again.pass(1)).isEqualTo(twin.pass(1));
          }
          assertSameState(again, twin);
          assertSameState(again, tokens);
        }
        assertThat(checkpoint.cache().length()).isEqualTo(333);
      }
      tokens.pass(100);
      twin.pass(100);
      assertSameState(tokens, twin);
    }
  }

  @Test
  void sequencesSideBySideAreAsAlone() {
    List<float[]> alone = new ArrayList<>();
    int[] passes = {100, 1, 1, 120, 1, 64, 1, 1};
    for (long seed : new long[] {7, 8}) {
      try (LineSequence tokens = sequence("k8v4,window=64", seed)) {
        for (int rows : passes) {
          alone.add(tokens.pass(rows));
        }
      }
    }
    try (LineSequence first = sequence("k8v4,window=64", 7);
        LineSequence second = sequence("k8v4,window=64", 8)) {
      for (int i = 0; i < passes.length; i++) {
        assertThat(first.pass(passes[i])).isEqualTo(alone.get(i));
        assertThat(second.pass(passes[i])).isEqualTo(alone.get(passes.length + i));
      }
    }
  }

  @Test
  void whatASlidingWindowHasPassedIsGivenUp() {
    AttentionSpec window = new AttentionSpec(2 * HEADS, HEADS, HEAD_DIM, 0.25f, 300);
    KvCacheSpec plain = new KvCacheSpec(LAYERS, HEADS, HEAD_DIM, 4000, DType.F32);
    try (LineSequence tokens = sequence("k8v8,window=64", 9, window);
        LineSequence exact = new LineSequence(backend, window, plain, 9)) {
      for (int round = 0; round < 12; round++) {
        float[] found = tokens.pass(101);
        float[] expected = exact.pass(101);
        for (int i = 0; i < found.length; i++) {
          assertThat(found[i]).isBetween(expected[i] - 0.3f, expected[i] + 0.3f);
        }
        LineKvLayer layer = tokens.layer(0);
        int first = Math.max(0, layer.length() - 299);
        assertThat(layer.firstPackedPage()).isEqualTo(first / 64);
        for (int r = 0; r < layer.slabRows(1); r++) {
          assertThat(layer.slabPosition(1, r)).isGreaterThanOrEqualTo(first);
        }
      }
      long largest = tokens.cache().spec().byteSize(tokens.cache().length());
      assertThat(tokens.cache().byteSize()).isLessThanOrEqualTo(largest);
    }
  }

  @Test
  void memoryIsAsPlanned() {
    try (LineSequence tokens = sequence("k4v4,lines=1%", 10)) {
      for (int rows : new int[] {1, 190, 1, 64, 500, 1000, 1}) {
        tokens.pass(rows);
        int length = tokens.cache().length();
        long planned = tokens.cache().spec().byteSize(length);
        assertThat(tokens.cache().byteSize()).as("%d tokens", length).isLessThanOrEqualTo(planned);
        assertThat(tokens.cache().byteSize()).isGreaterThan(planned / 2);
      }
    }
  }

  @Test
  void valuesThatCodesCannotHoldAreRefusedByName() {
    try (LineSequence tokens = sequence("k4v4,hadamard=off", 11)) {
      tokens.pass(3);
      KvCache cache = tokens.cache();
      cache.beginPass(1);
      var keys = tokens.keys(3, 1, 0);
      keys.segment().set(ValueLayout.JAVA_FLOAT, 4L * 17, Float.NaN);
      assertThatThrownBy(() -> cache.layer(0).append(keys, tokens.values(3, 1, 0), 3))
          .isInstanceOf(UnstorableValueException.class)
          .hasMessageContainingAll("position 3", "KV head 1", "channel 1", "NaN", "k4v4");
      cache.abandonPass();
      assertThat(cache.length()).isEqualTo(3);
      tokens.pass(1);
    }
  }

  @Test
  void onlyZeroAndTheEndCanBeTruncatedTo() {
    try (LineSequence tokens = sequence("k4v4", 12)) {
      tokens.pass(300);
      assertThat(tokens.cache().canTruncate(299)).isFalse();
      assertThatThrownBy(() -> tokens.cache().truncate(299))
          .isInstanceOf(IllegalStateException.class);
      float[] first;
      try (LineSequence fresh = sequence("k4v4", 12)) {
        first = fresh.pass(200);
      }
      tokens.cache().truncate(0);
      assertThat(tokens.pass(200)).isEqualTo(first);
    }
  }

  private static void assertSameState(LineSequence a, LineSequence b) {
    for (int layer = 0; layer < LAYERS; layer++) {
      assertThat(Arrays.mismatch(a.state(layer), b.state(layer))).isEqualTo(-1);
    }
  }
}
