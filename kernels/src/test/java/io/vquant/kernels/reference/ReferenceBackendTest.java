package io.vquant.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Values worked out by hand. */
class ReferenceBackendTest {

  private final ReferenceBackend backend = new ReferenceBackend();

  @AfterEach
  void close() {
    backend.close();
  }

  @Test
  void linear() {
    Tensor weight = matrix(2, 3, 1, 2, 3, -1, 0, 0.5f);
    Tensor bias = matrix(1, 2, 10, 20);
    Tensor x = matrix(2, 3, 1, 1, 1, 2, -1, 4);
    Tensor out = backend.matrix(2, 2);
    backend.linear(weight, bias).forward(out, x);
    assertThat(read(out)).containsExactly(16f, 19.5f, 22f, 20f);
    backend.linear(weight, null).forward(out, x);
    assertThat(read(out)).containsExactly(6f, -0.5f, 12f, 0f);
  }

  @Test
  void linearAddsInDouble() {
    // In float32, 1e8 + 1 is 1e8.
    Tensor out = backend.matrix(1, 1);
    backend
        .linear(matrix(1, 4, 1, 1, 1, 1), null)
        .forward(out, matrix(1, 4, 1e8f, 1, -1e8f, 0x1p-20f));
    assertThat(read(out)).containsExactly(1 + 0x1p-20f);
  }

  @Test
  void rmsNorm() {
    // mean(3^2, 4^2) = 12.5; with epsilon 3.5 the root is 4.
    Tensor out = backend.matrix(1, 2);
    backend.rmsNorm(matrix(1, 2, 1, -2), 3.5f).forward(out, matrix(1, 2, 3, 4));
    assertThat(read(out)).containsExactly(0.75f, -2f);
  }

  @Test
  void rotaryPairsChannelsOfTheTwoHalves() {
    // Frequency pi/2 turns by a quarter at position 1, frequency 0 not at all.
    RotarySpec spec = new RotarySpec(4, List.of((float) (Math.PI / 2), 0f), 1f);
    Tensor x = matrix(2, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8);
    backend.rotary(spec).forward(x, 0);
    // (float) (pi / 2) misses pi / 2 by 4.37e-8, and so does its cosine miss 0.
    float cos = -4.371139e-8f;
    assertThat(read(x))
        .containsExactly(
            1f,
            2f,
            3f,
            4f,
            5f,
            6f,
            7f,
            8f, // position 0
            cos - 3f,
            2f,
            3 * cos + 1f,
            4f,
            5 * cos - 7f,
            6f,
            7 * cos + 5f,
            8f);
  }

  @Test
  void rotaryRoundsTheAngleToFloat32AndScalesCosineAndSine() {
    RotarySpec spec = new RotarySpec(2, List.of(0.1f), 1.5f);
    Tensor x = matrix(1, 2, 1, 0);
    backend.rotary(spec).forward(x, 123_457);
    // 123457 * 0.1f is 12345.7002 in exact arithmetic and 12345.7 + 2e-4 in float32.
    float angle = 123_457f * 0.1f;
    assertThat((double) angle).isNotEqualTo(123_457 * (double) 0.1f);
    assertThat(read(x))
        .containsExactly((float) Math.cos(angle) * 1.5f, (float) Math.sin(angle) * 1.5f);
  }

  @Test
  void embedding() {
    Tensor table = matrix(3, 2, 1, 2, 3, 4, 5, 6);
    Tensor out = backend.matrix(3, 2);
    backend.embedding(table).forward(out, new int[] {9, 2, 0, 2}, 1);
    assertThat(read(out)).containsExactly(5f, 6f, 1f, 2f, 5f, 6f);
  }

  @Test
  void gatedActivation() {
    Tensor out = backend.matrix(1, 4);
    // silu(ln 3) = ln 3 * 3/4, silu(-ln 3) = -ln 3 / 4.
    float ln3 = (float) Math.log(3);
    backend
        .gatedActivation()
        .forward(out, matrix(1, 4, ln3, -ln3, 0, -200), matrix(1, 4, 4, 4, 7, 1));
    assertThat(read(out)).containsExactly(3 * ln3, -ln3, 0f, -0f);
  }

  @Test
  void residualAdd() {
    Tensor x = matrix(1, 3, 1, 2, 3);
    backend.residualAdd().forward(x, matrix(1, 3, 10, -2, 0.5f));
    assertThat(read(x)).containsExactly(11f, 0f, 3.5f);
  }

  @Test
  void attentionWeighsByTheSoftmaxAndSeesNoFuture() {
    try (KvCache cache = cache(matrix(3, 1, 0, 1, 5), matrix(3, 1, 8, 4, 1000))) {
      AttentionSpec spec = new AttentionSpec(1, 1, 1, (float) Math.log(3), AttentionSpec.NO_WINDOW);
      Tensor out = backend.matrix(2, 1);
      backend.attention(spec, DType.F32).forward(out, matrix(2, 1, 7, 1), cache.layer(0), 0);
      // Row 1: weights e^0 : e^(ln 3) = 1 : 3 on 8 and 4.
      assertThat(read(out)).containsExactly(8f, 5f);
    }
  }

  @Test
  void aSlidingWindowOfTwoSeesTheLastTwo() {
    try (KvCache cache = cache(matrix(3, 1, 9, 0, 0), matrix(3, 1, 100, 4, 8))) {
      AttentionSpec spec = new AttentionSpec(1, 1, 1, 1, 2);
      Tensor out = backend.matrix(1, 1);
      backend.attention(spec, DType.F32).forward(out, matrix(1, 1, 1), cache.layer(0), 2);
      assertThat(read(out)).containsExactly(6f);
    }
  }

  @Test
  void neighbouringQueryHeadsShareAKvHead() {
    try (KvCache cache = backend.kvCache(new KvCacheSpec(1, 2, 1, 64, DType.F32))) {
      cache.layer(0).append(matrix(1, 2, 0, 0), matrix(1, 2, 3, 4), 0);
      AttentionSpec spec = new AttentionSpec(6, 2, 1, 1, AttentionSpec.NO_WINDOW);
      Tensor out = backend.matrix(1, 6);
      backend.attention(spec, DType.F32).forward(out, backend.matrix(1, 6), cache.layer(0), 0);
      assertThat(read(out)).containsExactly(3f, 3f, 3f, 4f, 4f, 4f);
    }
  }

  @Test
  void attentionOnAnotherKindOfCacheIsUnsupported() {
    AttentionSpec spec = new AttentionSpec(1, 1, 1, 1, AttentionSpec.NO_WINDOW);
    KvLayer foreign =
        new KvLayer() {
          @Override
          public void append(Tensor keys, Tensor values, int startPosition) {
            throw new AssertionError("nothing is appended to it");
          }

          @Override
          public int length() {
            return 1;
          }
        };
    Tensor one = matrix(1, 1, 1);
    assertThatThrownBy(
            () -> backend.attention(spec, DType.F32).forward(backend.matrix(1, 1), one, foreign, 0))
        .isInstanceOf(UnsupportedKernelException.class)
        .hasMessageContaining("PagedKvLayer");
    assertThatThrownBy(() -> backend.attention(spec, DType.F16)).hasMessageContaining("F16");
  }

  @Test
  void copyKeepsWhatLiesBetweenTheRows() {
    Tensor wide = matrix(2, 3, 1, 2, 3, 4, 5, 6);
    Tensor left = new Tensor(wide.storage(), DType.F32, new Layout(0, 2, 2, 3));
    backend.copy(left, matrix(2, 2, 10, 20, 30, 40));
    assertThat(read(wide)).containsExactly(10f, 20f, 3f, 30f, 40f, 6f);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> backend.copy(left, wide))
        .withMessage("copy destination is [2, 2]: expected [2, 3]");
  }

  @Test
  void memoryIsZeroedAlignedAndFreedOnClose() {
    ReferenceBackend closing = new ReferenceBackend();
    Tensor matrix = closing.matrix(3, 5);
    assertThat(read(matrix)).containsOnly(0f);
    assertThat(matrix.segment().address() % 64).isZero();
    assertThat(matrix.storage().device()).isEqualTo(closing.device()).isEqualTo(Device.REFERENCE);
    closing.close();
    assertThatThrownBy(() -> read(matrix)).isInstanceOf(IllegalStateException.class);
  }

  private KvCache cache(Tensor keys, Tensor values) {
    KvCache cache = backend.kvCache(new KvCacheSpec(1, 1, 1, 64, DType.F32));
    cache.layer(0).append(keys, values, 0);
    return cache;
  }

  private Tensor matrix(int rows, int columns, float... values) {
    Tensor tensor = backend.matrix(rows, columns);
    for (int i = 0; i < values.length; i++) {
      Elements.set(tensor, i / columns, i % columns, values[i]);
    }
    return tensor;
  }

  private static float[] read(Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.columns()];
    for (int i = 0; i < values.length; i++) {
      values[i] = Elements.get(tensor, i / tensor.columns(), i % tensor.columns());
    }
    return values;
  }
}
