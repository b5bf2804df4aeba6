package io.vquant.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Misshapen operands are refused before anything is written, with one line that says what. */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record RefusalConformanceTest(TestBackend candidate) {

  @Test
  void linear() {
    try (KernelBackend backend = candidate.open()) {
      Tensor weight = parameter(3, 4);
      assertRefused(() -> backend.linear(weight, parameter(1, 4)));
      assertRefused(() -> backend.linear(weight, parameter(3, 1)));
      var linear = backend.linear(weight, null);
      assertRefused(() -> linear.forward(backend.matrix(2, 3), backend.matrix(2, 5)));
      assertRefused(() -> linear.forward(backend.matrix(2, 4), backend.matrix(2, 4)));
      assertRefused(() -> linear.forward(backend.matrix(1, 3), backend.matrix(2, 4)));
      assertRefused(() -> linear.forward(backend.matrix(2, 3), bf16(2, 4)));
    }
  }

  @Test
  void rmsNorm() {
    try (KernelBackend backend = candidate.open()) {
      assertRefused(() -> backend.rmsNorm(parameter(2, 4), 1e-6f));
      var norm = backend.rmsNorm(parameter(1, 4), 1e-6f);
      assertRefused(() -> norm.forward(backend.matrix(2, 5), backend.matrix(2, 5)));
      assertRefused(() -> norm.forward(backend.matrix(1, 4), backend.matrix(2, 4)));
    }
  }

  @Test
  void rotary() {
    try (KernelBackend backend = candidate.open()) {
      var rotary = backend.rotary(new RotarySpec(4, List.of(1f, 0.1f), 1f));
      assertRefused(() -> rotary.forward(backend.matrix(1, 6), 0));
      assertRefused(() -> rotary.forward(backend.matrix(1, 8), -1));
    }
  }

  @Test
  void elementwise() {
    try (KernelBackend backend = candidate.open()) {
      Tensor small = backend.matrix(2, 3);
      Tensor wide = backend.matrix(2, 4);
      Tensor tall = backend.matrix(3, 3);
      for (Tensor other : List.of(wide, tall)) {
        assertRefused(() -> backend.residualAdd().forward(small, other));
        assertRefused(() -> backend.gatedActivation().forward(small, small, other));
        assertRefused(() -> backend.gatedActivation().forward(other, small, small));
        assertRefused(() -> backend.copy(small, other));
      }
      assertRefused(() -> backend.copy(small, bf16(2, 3)));
    }
  }

  @Test
  void embeddingOfIdsOutsideTheTable() {
    try (KernelBackend backend = candidate.open()) {
      EmbeddingOperator embedding = backend.embedding(parameter(5, 3));
      for (int bad : new int[] {-1, 5, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
        Activations out = Activations.output(backend, 3, 3, false);
        float[] before = out.read();
        int[] ids = {0, 4, bad};
        assertRefused(() -> embedding.forward(out.tensor(), ids, 0), String.valueOf(bad));
        Closeness.assertSameBits(() -> candidate + " id " + bad, out.read(), before);
      }
      int[] ids = {0, 1, 2};
      assertRefused(() -> embedding.forward(backend.matrix(3, 3), ids, 1));
      assertRefused(() -> embedding.forward(backend.matrix(3, 3), ids, -1));
      assertRefused(() -> embedding.forward(backend.matrix(3, 4), ids, 0));
    }
  }

  @Test
  void attention() {
    AttentionSpec spec = new AttentionSpec(4, 2, 8, 1f, AttentionSpec.NO_WINDOW);
    try (KernelBackend backend = candidate.open();
        KvCache cache = backend.kvCache(new KvCacheSpec(1, 2, 8, 64, DType.F32));
        KvCache otherHeads = backend.kvCache(new KvCacheSpec(1, 1, 8, 64, DType.F32));
        KvCache otherType = backend.kvCache(new KvCacheSpec(1, 2, 8, 64, DType.BF16))) {
      for (KvCache filled : List.of(cache, otherHeads, otherType)) {
        Tensor tokens = backend.matrix(3, filled.spec().numKvHeads() * 8);
        filled.layer(0).append(tokens, tokens, 0);
      }
      var attention = backend.attention(spec, DType.F32);
      Tensor q = backend.matrix(2, 32);
      Tensor out = backend.matrix(2, 32);
      assertRefused(() -> attention.forward(out, q, cache.layer(0), 2));
      assertRefused(() -> attention.forward(out, q, cache.layer(0), -1));
      assertRefused(() -> attention.forward(out, q, cache.layer(0), Integer.MAX_VALUE));
      assertRefused(() -> attention.forward(out, q, otherHeads.layer(0), 0));
      assertRefused(() -> attention.forward(out, q, otherType.layer(0), 0));
      assertRefused(() -> attention.forward(backend.matrix(1, 32), q, cache.layer(0), 0));
      assertRefused(() -> attention.forward(out, backend.matrix(2, 16), cache.layer(0), 0));
    }
  }

  private static Tensor parameter(int rows, int columns) {
    float[] values = new float[rows * columns];
    Arrays.fill(values, 1f);
    return StoredMatrix.of(rows, columns, values).tensor();
  }

  private static Tensor bf16(int rows, int columns) {
    return StoredMatrix.of(DType.BF16, rows, columns, new float[rows * columns], false).tensor();
  }

  private void assertRefused(Runnable misuse, String... words) {
    assertThatIllegalArgumentException()
        .as(candidate.name())
        .isThrownBy(misuse::run)
        .satisfies(e -> assertThat(e.getMessage()).isNotBlank().doesNotContain("\n"))
        .satisfies(e -> assertThat(List.of(words)).allMatch(e.getMessage()::contains));
  }
}
