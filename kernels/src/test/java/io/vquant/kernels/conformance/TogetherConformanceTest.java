package io.vquant.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Operators that run together give the bits that each gives alone. */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record TogetherConformanceTest(TestBackend candidate) {

  private static final int[] ROWS = {1, 2, 4, 5, 8, 9, 33};

  private static LinearOperator linear(
      KernelBackend backend, SplittableRandom random, DType dtype, int outFeatures, int columns) {
    float[] w = ValuePattern.NORMAL.draw(random, dtype, outFeatures * columns);
    float[] b = ValuePattern.NORMAL.draw(random, dtype, outFeatures);
    Tensor bias =
        random.nextBoolean() ? StoredMatrix.of(dtype, 1, outFeatures, b, true).tensor() : null;
    return backend.linear(
        StoredMatrix.of(dtype, outFeatures, columns, w, random.nextBoolean()).tensor(), bias);
  }

  @ParameterizedTest
  @EnumSource
  void linearGroup(DType dtype) {
    SplittableRandom random = new SplittableRandom(dtype.name().hashCode());
    try (KernelBackend backend = candidate.open(2)) {
      for (int rows : ROWS) {
        int columns = Sizes.any(random, 16, 31, 64, 100, 256);
        List<LinearOperator> linears = new ArrayList<>();
        List<Activations> outs = new ArrayList<>();
        for (int outFeatures : new int[] {Sizes.any(random, 1, 17, 64), 33, 128}) {
          linears.add(linear(backend, random, dtype, outFeatures, columns));
          outs.add(Activations.output(backend, rows, outFeatures, false));
        }
        float[] x = ValuePattern.NORMAL.draw(random, rows * columns);
        Tensor in = Activations.of(backend, rows, columns, x).tensor();
        Tensor[] tensors = outs.stream().map(Activations::tensor).toArray(Tensor[]::new);
        backend.linearGroup(linears).forward(tensors, in);
        for (int i = 0; i < tensors.length; i++) {
          Activations alone = Activations.output(backend, rows, tensors[i].columns(), false);
          linears.get(i).forward(alone.tensor(), in);
          String what =
              "%s %s, %d rows of %d, part %d".formatted(candidate, dtype, rows, columns, i);
          Closeness.assertSameBits(() -> what, outs.get(i).read(), alone.read());
        }
      }
    }
  }

  /** Weights of several types: what cannot share an arranged input runs in turn. */
  @Test
  void linearGroupOfSeveralTypes() {
    SplittableRandom random = new SplittableRandom(7);
    try (KernelBackend backend = candidate.open(2)) {
      LinearOperator first = linear(backend, random, DType.BF16, 48, 64);
      LinearOperator second = linear(backend, random, DType.F32, 48, 64);
      Tensor in = Activations.of(backend, 3, 64, ValuePattern.NORMAL.draw(random, 3 * 64)).tensor();
      Activations together = Activations.output(backend, 3, 48, false);
      Activations other = Activations.output(backend, 3, 48, false);
      Activations alone = Activations.output(backend, 3, 48, false);
      var group = backend.linearGroup(List.of(first, second));
      group.forward(new Tensor[] {other.tensor(), together.tensor()}, in);
      second.forward(alone.tensor(), in);
      Closeness.assertSameBits(() -> candidate + " seed 7", together.read(), alone.read());
      assertThatThrownBy(() -> group.forward(new Tensor[] {other.tensor()}, in))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("1 outputs");
    }
  }

  @ParameterizedTest
  @EnumSource
  void gatedLinear(DType dtype) {
    SplittableRandom random = new SplittableRandom(31L * dtype.name().hashCode());
    try (KernelBackend backend = candidate.open(2)) {
      for (int rows : ROWS) {
        int columns = Sizes.any(random, 16, 31, 64, 100, 256);
        int inner = Sizes.any(random, 1, 15, 64, 100, 705);
        LinearOperator gate = linear(backend, random, dtype, inner, columns);
        LinearOperator up = linear(backend, random, dtype, inner, columns);
        float[] x = ValuePattern.NORMAL.draw(random, rows * columns);
        Tensor in = Activations.of(backend, rows, columns, x).tensor();
        Activations out = Activations.output(backend, rows, inner, false);
        Tensor scratch = Activations.output(backend, rows, inner, false).tensor();
        backend.gatedLinear(gate, up).forward(out.tensor(), scratch, in);
        Activations alone = Activations.output(backend, rows, inner, false);
        gate.forward(alone.tensor(), in);
        up.forward(scratch, in);
        backend.gatedActivation().forward(alone.tensor(), alone.tensor(), scratch);
        String what = "%s %s, %d rows, [%d, %d]".formatted(candidate, dtype, rows, inner, columns);
        Closeness.assertSameBits(() -> what, out.read(), alone.read());
      }
    }
  }

  /** Weights in codes: q, k and v of one input, and gate and up with their activation. */
  @ParameterizedTest
  @ValueSource(strings = {"q8", "q4", "q4,group=64", "q4,outliers=3"})
  void weightsInCodes(String scheme) {
    SplittableRandom random = new SplittableRandom(scheme.hashCode());
    try (KernelBackend backend = candidate.open(2)) {
      for (int rows : new int[] {1, 2, 4, 5, 33, 130}) {
        int columns = 64 * Sizes.any(random, 1, 2, 5);
        List<LinearOperator> linears = new ArrayList<>();
        List<Activations> outs = new ArrayList<>();
        for (int outFeatures : new int[] {Sizes.any(random, 1, 48, 200), 64, 64}) {
          linears.add(inCodes(backend, random, scheme, outFeatures, columns));
          outs.add(Activations.output(backend, rows, outFeatures, false));
        }
        float[] x = ValuePattern.NORMAL.draw(random, rows * columns);
        Tensor in = Activations.of(backend, rows, columns, x).tensor();
        String what = "%s %s, %d rows of %d".formatted(candidate, scheme, rows, columns);
        Tensor[] tensors = outs.stream().map(Activations::tensor).toArray(Tensor[]::new);
        backend.linearGroup(linears).forward(tensors, in);
        for (int i = 0; i < tensors.length; i++) {
          Activations alone = Activations.output(backend, rows, tensors[i].columns(), false);
          linears.get(i).forward(alone.tensor(), in);
          Closeness.assertSameBits(() -> what, outs.get(i).read(), alone.read());
        }
        Activations gated = Activations.output(backend, rows, 64, false);
        backend.gatedLinear(linears.get(1), linears.get(2)).forward(gated.tensor(), tensors[2], in);
        backend.gatedActivation().forward(tensors[1], tensors[1], outs.get(2).tensor());
        Closeness.assertSameBits(() -> what + ", gated", gated.read(), outs.get(1).read());
      }
    }
  }

  /** Codes with zeros and without take the input in different orders. */
  @Test
  void linearGroupOfSeveralSchemes() {
    SplittableRandom random = new SplittableRandom(11);
    try (KernelBackend backend = candidate.open(2)) {
      LinearOperator first = inCodes(backend, random, "q8", 48, 64);
      LinearOperator second = inCodes(backend, random, "q4", 48, 64);
      LinearOperator third = linear(backend, random, DType.BF16, 48, 64);
      Tensor in = Activations.of(backend, 3, 64, ValuePattern.NORMAL.draw(random, 3 * 64)).tensor();
      List<LinearOperator> linears = List.of(first, second, third);
      List<Activations> outs = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        outs.add(Activations.output(backend, 3, 48, false));
      }
      Tensor[] tensors = outs.stream().map(Activations::tensor).toArray(Tensor[]::new);
      backend.linearGroup(linears).forward(tensors, in);
      for (int i = 0; i < 3; i++) {
        Activations alone = Activations.output(backend, 3, 48, false);
        linears.get(i).forward(alone.tensor(), in);
        Closeness.assertSameBits(() -> candidate + " seed 11", outs.get(i).read(), alone.read());
      }
    }
  }

  private static LinearOperator inCodes(
      KernelBackend backend, SplittableRandom random, String text, int outFeatures, int columns) {
    String[] parts = text.split(",", -1);
    QuantScheme scheme = QuantScheme.of(parts[0]).orElseThrow();
    for (int i = 1; i < parts.length; i++) {
      String[] setting = parts[i].split("=", 2);
      scheme = scheme.with(setting[0], setting[1]);
    }
    float[] w = ValuePattern.NORMAL.draw(random, DType.BF16, outFeatures * columns);
    Tensor weight = StoredMatrix.of(DType.BF16, outFeatures, columns, w, false).tensor();
    return backend.linear(backend.quantize(weight, scheme, QuantizeListener.NONE), null);
  }

  /** Positions that go up and down, and lie far from each other. */
  @Test
  void rotaryOfSeveralSequences() {
    RotarySpec spec = new RotarySpec(6, List.of(1f, 0.1f, 0.01f), 1f);
    int[][] steps = {{3, 900, 40, 7}, {4, 901, 41, 0}, {2000, 1, 1, 70}};
    try (KernelBackend backend = candidate.open(2)) {
      RotaryOperator together = backend.rotary(spec);
      for (int[] positions : steps) {
        float[] x = ValuePattern.NORMAL.draw(new SplittableRandom(positions[0]), 4 * 18);
        Activations all = Activations.of(backend, 4, 18, x);
        together.forward(all.tensor(), positions);
        RotaryOperator single = backend.rotary(spec);
        Activations each = Activations.of(backend, 4, 18, x);
        for (int row = 0; row < positions.length; row++) {
          single.forward(each.tensor().rows(row, 1), positions[row]);
        }
        Closeness.assertSameBits(() -> candidate + " rotary", all.read(), each.read());
      }
    }
  }

  @Test
  void eachRowIsWorkedOnOnce() {
    try (KernelBackend backend = candidate.open(2)) {
      AtomicIntegerArray calls = new AtomicIntegerArray(37);
      backend.forEachRow(37, calls::incrementAndGet);
      for (int row = 0; row < calls.length(); row++) {
        assertThat(calls.get(row)).as("row %d", row).isEqualTo(1);
      }
    }
  }

  @Test
  void whatARowThrowsIsThrownOnceAndByItsOwnName() {
    try (KernelBackend backend = candidate.open(2)) {
      for (int failing = 0; failing < 4; failing++) {
        int from = failing;
        assertThatThrownBy(() ->
                backend.forEachRow(
                    4,
                    row -> {
                      if (row >= from) {
                        throw new UnsupportedOperationException("row " + row);
                      }
                    }))
            .isInstanceOf(UnsupportedOperationException.class)
            .hasMessageStartingWith("row ");
        AtomicInteger later = new AtomicInteger();
        backend.forEachRow(4, row -> later.incrementAndGet());
        assertThat(later.get())
            .as("rows of the call after rows %d and on failed", from)
            .isEqualTo(4);
      }
    }
  }
}
