package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import io.vquant.weights.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** How a pass is cut must not show in its result; on shapes that no recorded model has. */
class TinyModelTest {
  private static final long SEED = 5;

  @TempDir Path folder;

  static Stream<Arguments> shapes() {
    String yarn = "{\"rope_type\": \"yarn\", \"factor\": 3, \"truncate\": false}";
    return Stream.of(
        Arguments.of(
            "7 heads on 1",
            llama("num_attention_heads", "7", "num_key_value_heads", "1", "head_dim", "10")),
        Arguments.of(
            "head size 24", llama("head_dim", "24", "attention_bias", "true", "mlp_bias", "true")),
        Arguments.of("head size 2", llama("head_dim", "2", "rope_scaling", yarn)),
        Arguments.of(
            "sizes of 1",
            llama("vocab_size", "33", "intermediate_size", "1", "num_hidden_layers", "1")),
        Arguments.of(
            "window 5", set(ConfigText.of("MistralForCausalLM", "mistral"), "sliding_window", "5")),
        Arguments.of(
            "window 1", set(ConfigText.of("MistralForCausalLM", "mistral"), "sliding_window", "1")),
        Arguments.of(
            "windows from layer 1",
            set(
                ConfigText.of("Qwen2ForCausalLM", "qwen2"),
                "use_sliding_window",
                "true",
                "sliding_window",
                "9",
                "max_window_layers",
                "1")),
        Arguments.of(
            "q/k norms",
            set(
                ConfigText.of("Qwen3ForCausalLM", "qwen3"),
                "head_dim",
                "6",
                "attention_bias",
                "true")),
        Arguments.of(
            "no rotary embedding",
            set(
                ConfigText.of("SmolLM3ForCausalLM", "smollm3"),
                "no_rope_layers",
                "[0, 1, 0]",
                "tie_word_embeddings",
                "true")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shapes")
  void prefillEqualsDecode(String name, ConfigText text) throws IOException {
    TinyModel.of(text).shards(5).write(folder, SEED);
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      CausalLm model = loaded.model();
      int[] ids = ids(70, loaded.config().vocabSize());
      float[][] whole = run(model, ids, 70);
      assertThat(Arrays.stream(whole).allMatch(TinyModelTest::finite)).as(name).isTrue();
      assertThat(run(model, ids, 1)).as(name + ", token by token").isDeepEqualTo(whole);
      assertThat(run(model, ids, 13)).as(name + ", 13 at a time").isDeepEqualTo(whole);
    }
  }

  @Test
  void chunksInsideALayerDoNotShow() throws IOException {
    TinyModel.of(llama("num_hidden_layers", "2")).write(folder, SEED);
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      int count = 2 * MemoryPlan.chunkRows(Device.CPU) + 9;
      int[] ids = ids(count, loaded.config().vocabSize());
      float[][] whole = run(loaded.model(), ids, count);
      assertThat(run(loaded.model(), ids, 100)).isDeepEqualTo(whole);
    }
  }

  @Test
  void slidingWindowForgets() throws IOException {
    TinyModel.of(
            set(
                ConfigText.of("MistralForCausalLM", "mistral"),
                "sliding_window",
                "5",
                "num_hidden_layers",
                "1"))
        .write(folder, SEED);
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      int[] ids = ids(12, loaded.config().vocabSize());
      float[] last = run(loaded.model(), ids, 12)[11];
      ids[6] = (ids[6] + 1) % loaded.config().vocabSize();
      assertThat(run(loaded.model(), ids, 12)[11]).as("6 is just outside").isEqualTo(last);
      ids[7] = (ids[7] + 1) % loaded.config().vocabSize();
      assertThat(run(loaded.model(), ids, 12)[11]).as("7 is just inside").isNotEqualTo(last);
    }
  }

  @Test
  void everyElementTypeOfTheSameValuesGivesTheSame() throws IOException {
    float[][] expected = null;
    for (ElementType type :
        List.of(ElementType.F32, ElementType.BF16, ElementType.F16, ElementType.F64)) {
      Path own =
          TinyModel.of(ConfigText.llama()).stored(type).write(folder.resolve(type.code()), SEED);
      try (ReferenceBackend backend = new ReferenceBackend();
          LoadedModel loaded = ModelLoader.load(own, backend, LoadListener.NONE)) {
        float[][] rows = run(loaded.model(), ids(9, 97), 9);
        expected = expected == null ? rows : expected;
        assertThat(rows).as(type.code()).isDeepEqualTo(expected);
        assertThat(loaded.notices()).hasSize(type == ElementType.F64 ? 1 : 0);
        assertThat(loaded.weightBytes()).isEqualTo(loaded.parameterCount() * type.byteSize());
      }
    }
  }

  @Test
  void eightBitFloatsAreWidened() throws IOException {
    TinyModel.of(ConfigText.llama()).stored(ElementType.F8_E5M2).write(folder, SEED);
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      assertThat(finite(run(loaded.model(), ids(3, 97), 3)[2])).isTrue();
      assertThat(loaded.notices())
          .containsExactly("30 tensors of F8_E5M2 were converted to BF16 in memory");
    }
  }

  @Test
  void cancellationAndFaultsLeaveTheCacheAsItWas() throws IOException {
    TinyModel.of(ConfigText.llama()).write(folder, SEED);
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE);
        KvCache cache = loaded.model().newCache(20, DType.F32)) {
      CausalLm model = loaded.model();
      int[] ids = ids(21, 97);
      model.forward(ids, 0, 4, cache, ForwardListener.NONE);
      AtomicLong asked = new AtomicLong();
      ForwardListener second =
          new ForwardListener() {
            @Override
            public boolean cancelled() {
              return asked.incrementAndGet() > 1;
            }
          };
      assertThatThrownBy(() -> model.forward(ids, 4, 5, cache, second))
          .isInstanceOf(ForwardCancelledException.class);
      assertThat(cache.length()).isEqualTo(4);
      assertThat(cache.layer(0).length()).isEqualTo(4);
      assertThatThrownBy(() -> model.forward(ids, 4, 17, cache, ForwardListener.NONE))
          .hasMessageContaining("17 tokens after 4 in a cache of 20");
      assertThatThrownBy(() -> model.forward(new int[] {97}, 0, 1, cache, ForwardListener.NONE))
          .hasMessageContaining("token id 97");
      assertThatThrownBy(() -> model.newCache(641, DType.F32)).hasMessageContaining("640");
      assertThat(cache.length()).isEqualTo(4);
    }
  }

  @Test
  void progressCountsRowsTimesLayers() throws IOException {
    TinyModel.of(ConfigText.llama()).write(folder, SEED);
    List<Long> done = new ArrayList<>();
    ForwardListener listener =
        new ForwardListener() {
          @Override
          public void progress(long doneWork, long totalWork) {
            assertThat(totalWork).isEqualTo(900);
            done.add(doneWork);
          }
        };
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE);
        KvCache cache = loaded.model().newCache(300, DType.BF16)) {
      loaded.model().forward(ids(300, 97), 0, 300, cache, listener);
    }
    assertThat(done).containsExactly(256L, 300L, 556L, 600L, 856L, 900L);
  }

  @Test
  void prefetchTouchesAllBytes() throws IOException {
    TinyModel.of(ConfigText.llama()).shards(3).write(folder, SEED);
    List<Long> done = new ArrayList<>();
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE)) {
      loaded.prefetch((doneBytes, totalBytes) -> done.add(doneBytes));
      assertThat(done).isSorted().last().isEqualTo(loaded.weightBytes());
    }
  }

  /** Hidden rows of all tokens, {@code step} at a time. */
  private static float[][] run(CausalLm model, int[] ids, int step) {
    float[][] rows = new float[ids.length][];
    try (KvCache cache = model.newCache(ids.length, DType.F32)) {
      for (int first = 0; first < ids.length; first += step) {
        int count = Math.min(step, ids.length - first);
        Tensor hidden = model.forward(ids, first, count, cache, ForwardListener.NONE);
        for (int i = 0; i < count; i++) {
          float[] logits = Rows.row(model.logits(hidden.rows(i, 1)), 0);
          float[] row = Arrays.copyOf(Rows.row(hidden, i), hidden.columns() + logits.length);
          System.arraycopy(logits, 0, row, hidden.columns(), logits.length);
          rows[first + i] = row;
        }
      }
    }
    return rows;
  }

  private static boolean finite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  private static int[] ids(int count, int vocabSize) {
    return new Random(SEED).ints(count, 0, vocabSize).toArray();
  }

  private static ConfigText llama(String... fields) {
    return set(ConfigText.llama(), fields);
  }

  private static ConfigText set(ConfigText text, String... fields) {
    for (int i = 0; i < fields.length; i += 2) {
      text.with(fields[i], fields[i + 1]);
    }
    return text;
  }
}
