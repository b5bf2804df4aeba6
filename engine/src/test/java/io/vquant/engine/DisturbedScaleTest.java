package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.eval.TokenDivergence;
import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.kvcache.LineKvLayer;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardListener;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * One scale of a packed page made eight times too large: the divergence from an intact cache must
 * show it, and must be nothing without it.
 */
class DisturbedScaleTest {
  private static final int PROMPT = 320;
  private static final int DECODED = 24;
  private static final int BITS = 4;
  private static final ValueLayout.OfShort F16 = ValueLayout.JAVA_SHORT_UNALIGNED;

  @Test
  void showsInTheDivergence() throws IOException {
    try (KernelBackend backend = Backends.open(Device.CPU, new BackendOptions(2));
        LoadedModel loaded = ModelLoader.load(TestModels.tiny(), backend, LoadListener.NONE)) {
      int[] tokens = tokens();
      KvPolicy policy = KvPolicy.parse("k4v4,lines=0,window=64");
      try (KvCache intact = filled(loaded.model(), policy, tokens);
          KvCache equal = filled(loaded.model(), policy, tokens);
          KvCache broken = filled(loaded.model(), policy, tokens)) {
        breakScale(broken);
        List<float[]> base = decode(loaded.model(), intact, tokens);
        assertThat(klds(base, decode(loaded.model(), equal, tokens), tokens)).containsOnly(0.0);
        List<Double> klds = klds(base, decode(loaded.model(), broken, tokens), tokens);
        assertThat(klds).allSatisfy(kld -> assertThat(kld).isPositive());
      }
    }
  }

  private static int[] tokens() throws IOException {
    String text = Files.readString(TestModels.shared().resolve("goldens/vquant-tiny-stories.txt"));
    try (Engine engine = Engine.open(TestModels.options(TestModels.tiny()).withContextLength(64))) {
      return Arrays.copyOf(
          engine.tokenizer().encode(text.substring(0, 4000)), PROMPT + DECODED + 1);
    }
  }

  private static KvCache filled(CausalLm model, KvPolicy policy, int[] tokens) {
    KvCache cache = model.newCache(PROMPT + DECODED, policy);
    model.forward(tokens, 0, PROMPT, cache, ForwardListener.NONE);
    return cache;
  }

  /** The first scale of the keys stands behind their codes. */
  private static void breakScale(KvCache cache) {
    LineKvLayer layer = (LineKvLayer) cache.layer(2);
    assertThat(layer.packedPages()).isPositive();
    MemorySegment page = layer.packedPage(layer.packedPages() - 1);
    int headDim = layer.pageLayout().headDim();
    long scale = layer.pageLayout().keysOffset(0) + PageLayout.TOKENS * headDim * BITS / 8;
    float value = Float.float16ToFloat(page.get(F16, scale));
    assertThat(value).isNotZero().isFinite();
    page.set(F16, scale, Float.floatToFloat16(8 * value));
  }

  private static List<float[]> decode(CausalLm model, KvCache cache, int[] tokens) {
    List<float[]> rows = new ArrayList<>();
    for (int i = 0; i < DECODED; i++) {
      Tensor hidden = model.forward(tokens, PROMPT + i, 1, cache, ForwardListener.NONE);
      Tensor logits = model.logits(hidden);
      float[] row = new float[logits.columns()];
      MemorySegment.copy(
          logits.segment(), ValueLayout.JAVA_FLOAT, logits.rowByteOffset(0), row, 0, row.length);
      rows.add(row);
    }
    return rows;
  }

  private static List<Double> klds(List<float[]> base, List<float[]> rows, int[] tokens) {
    List<Double> klds = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      MemorySegment a = MemorySegment.ofArray(base.get(i));
      MemorySegment b = MemorySegment.ofArray(rows.get(i));
      int vocabSize = rows.get(i).length;
      klds.add(TokenDivergence.of(a, 0, b, 0, vocabSize, tokens[PROMPT + i + 1]).kld());
    }
    return klds;
  }
}
