package io.vquant.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.quant.Float16;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Operators of a decoder layer that run as few kernels, recorded and replayed, give what each gives
 * as a kernel of its own: a copy to the host after every operator makes it run alone.
 */
@Tag("gpu")
class JoinedProductsTest {

  private static final int TOKENS = 70; // more than a page

  @ParameterizedTest
  @CsvSource({
    "BF16, F32, 104, 6, 2, 20, 72, true, 1e-5",
    "F16, F32, 104, 4, 4, 26, 200, false, 1e-5",
    "BF16, BF16, 576, 9, 3, 64, 1536, false, 1e-2",
    "F16, BF16, 24, 3, 1, 8, 8, true, 1e-2",
    "BF16, F32, 2048, 8, 2, 80, 8, true, 1e-5",
  })
  void areThoseOfSeparateKernels(
      DType weights,
      DType cache,
      int hidden,
      int heads,
      int kvHeads,
      int headDim,
      int inner,
      boolean biased,
      float tolerance) {
    AttentionSpec attention =
        new AttentionSpec(
            heads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), AttentionSpec.NO_WINDOW);
    try (KernelBackend backend = CudaTestDevice.open()) {
      Block block = new Block(backend, attention, hidden, inner, weights, cache, biased);
      float[] joined = block.run(false);
      float[] separate = block.run(true);
      float largest = 0;
      for (float value : separate) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertThat(largest).isPositive().isFinite();
      for (int i = 0; i < joined.length; i++) {
        assertThat(joined[i])
            .as("element %d of the last row", i)
            .isCloseTo(separate[i], Offset.offset(tolerance * largest));
      }
    }
  }

  /** One decoder layer with random weights, over the rows of a sequence. */
  private static final class Block {
    private final KernelBackend backend;
    private final AttentionSpec spec;
    private final DType cacheType;
    private final SplittableRandom random = new SplittableRandom(7);
    private final List<LinearOperator> linears = new ArrayList<>();
    private final RmsNormOperator firstNorm;
    private final RmsNormOperator secondNorm;
    private final RotaryOperator rotary;
    private final AttentionOperator attention;
    private final Tensor x;
    private final Tensor normed;
    private final Tensor delta;
    private final Tensor queries;
    private final Tensor keys;
    private final Tensor values;
    private final Tensor attended;
    private final Tensor gate;
    private final Tensor up;

    Block(
        KernelBackend backend,
        AttentionSpec spec,
        int hidden,
        int inner,
        DType weights,
        DType cacheType,
        boolean biased) {
      this.backend = backend;
      this.spec = spec;
      this.cacheType = cacheType;
      int queryColumns = spec.numQueryHeads() * spec.headDim();
      int keyColumns = spec.numKvHeads() * spec.headDim();
      int[][] shapes = {
        {queryColumns, hidden},
        {keyColumns, hidden},
        {keyColumns, hidden},
        {hidden, queryColumns},
        {inner, hidden},
        {inner, hidden},
        {hidden, inner}
      };
      for (int[] shape : shapes) {
        Tensor weight = onDevice(weights, shape[0], shape[1], 1 / Math.sqrt(shape[1]));
        linears.add(backend.linear(weight, biased ? onDevice(DType.F32, 1, shape[0], 0.5) : null));
      }
      firstNorm = backend.rmsNorm(onDevice(DType.F32, 1, hidden, 1), 1e-5f);
      secondNorm = backend.rmsNorm(onDevice(DType.F32, 1, hidden, 1), 1e-6f);
      List<Float> frequencies = new ArrayList<>();
      for (int i = 0; i < spec.headDim() / 2; i++) {
        frequencies.add((float) Math.pow(10000, -2.0 * i / spec.headDim()));
      }
      rotary = backend.rotary(new RotarySpec(spec.headDim(), frequencies, 1));
      attention = backend.attention(spec, cacheType);
      x = backend.matrix(1, hidden);
      normed = backend.matrix(1, hidden);
      delta = backend.matrix(1, hidden);
      queries = backend.matrix(1, queryColumns);
      keys = backend.matrix(1, keyColumns);
      values = backend.matrix(1, keyColumns);
      attended = backend.matrix(1, queryColumns);
      gate = backend.matrix(1, inner);
      up = backend.matrix(1, inner);
    }

    /** The last row's residual stream, then its normed copy. */
    float[] run(boolean separately) {
      try (KvCache cache =
          backend.kvCache(
              new KvCacheSpec(1, spec.numKvHeads(), spec.headDim(), TOKENS, cacheType))) {
        float[] last = {};
        for (int token = 0; token < TOKENS; token++) {
          backend.copy(x, host(DType.F32, 1, x.columns(), 3, new SplittableRandom(token)));
          cache.beginPass(1);
          if (separately) {
            layer(cache, token, true);
          } else {
            int position = token;
            backend.decodeStep(cache, x, token, () -> layer(cache, position, false));
          }
          cache.endPass();
          last = floats();
        }
        return last;
      }
    }

    private void layer(KvCache allLayers, int position, boolean separately) {
      KvLayer cache = allLayers.layer(0);
      step(() -> firstNorm.forward(normed, x), separately);
      step(() -> linears.get(0).forward(queries, normed), separately);
      step(() -> linears.get(1).forward(keys, normed), separately);
      step(() -> linears.get(2).forward(values, normed), separately);
      step(() -> rotary.forward(queries, position), separately);
      step(() -> rotary.forward(keys, position), separately);
      step(() -> cache.append(keys, values, position), separately);
      step(() -> attention.forward(attended, queries, cache, position), separately);
      step(() -> linears.get(3).forward(delta, attended), separately);
      step(() -> backend.residualAdd().forward(x, delta), separately);
      step(() -> secondNorm.forward(normed, x), separately);
      step(() -> linears.get(4).forward(gate, normed), separately);
      step(() -> linears.get(5).forward(up, normed), separately);
      step(() -> backend.gatedActivation().forward(gate, gate, up), separately);
      step(() -> linears.get(6).forward(delta, gate), separately);
      step(() -> backend.residualAdd().forward(x, delta), separately);
      allLayers.endLayer(0);
    }

    private void step(Runnable operator, boolean separately) {
      operator.run();
      if (separately) {
        backend.copy(hostMatrix(DType.F32, 1, x.columns()), x);
      }
    }

    private float[] floats() {
      Tensor both = hostMatrix(DType.F32, 2, x.columns());
      backend.copy(both.rows(0, 1), x);
      backend.copy(both.rows(1, 1), normed);
      return both.segment().toArray(ValueLayout.JAVA_FLOAT);
    }

    private Tensor onDevice(DType dtype, int rows, int columns, double scale) {
      Tensor host = host(dtype, rows, columns, scale, random);
      long byteSize = (long) rows * columns * dtype.byteSize();
      Tensor tensor = new Tensor(backend.allocate(byteSize), dtype, Layout.dense(rows, columns));
      backend.copy(tensor, host);
      return tensor;
    }
  }

  private static Tensor hostMatrix(DType dtype, int rows, int columns) {
    long byteSize = (long) rows * columns * dtype.byteSize();
    HostStorage storage = new HostStorage(Device.CPU, Arena.ofAuto().allocate(byteSize, 64));
    return new Tensor(storage, dtype, Layout.dense(rows, columns));
  }

  private static Tensor host(
      DType dtype, int rows, int columns, double scale, SplittableRandom random) {
    Tensor tensor = hostMatrix(dtype, rows, columns);
    MemorySegment segment = tensor.segment();
    for (long i = 0; i < (long) rows * columns; i++) {
      float value = (float) (random.nextGaussian() * scale);
      switch (dtype) {
        case BF16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, i, BFloat16.fromFloat(value));
        case F16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, i, Float16.fromFloat(value));
        default -> segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      }
    }
    return tensor;
  }
}
