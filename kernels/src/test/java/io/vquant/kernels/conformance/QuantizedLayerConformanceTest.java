package io.vquant.kernels.conformance;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Products of one row in the order in which a layer asks for them, which a device may join: three
 * weights with one input, a residual sum after a product, a gate and what it gates.
 */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record QuantizedLayerConformanceTest(TestBackend candidate) {

  static final List<QuantScheme> SCHEMES = QuantizedLinearConformanceTest.SCHEMES;

  /** Groups of a row, and rows of three weights: few panels and many, whole and not. */
  private static final int[][] SHAPES = {
    {1, 1, 64, 3}, {3, 65, 1, 130}, {8, 200, 70, 70}, {33, 64, 128, 64}, {64, 100, 33, 1000}
  };

  /** By how much silu(g) changes at most when g does: its slope is below 1.1. */
  private static final double SILU_SLOPE = 1.1;

  /** exp, sum, quotient and product; exp of large numbers is off by some units. */
  private static final double SILU_ERROR = 16 * 0x1p-24;

  /** One product, exactly, and what float32 may differ from it. */
  private static final class Expected {
    private final double[] values;
    private final double[] errors;

    Expected(double[] values, double[] errors) {
      this.values = values;
      this.errors = errors;
    }

    double[] values() {
      return values;
    }

    double[] errors() {
      return errors;
    }
  }

  /** One weight on a backend. */
  private record Product(QuantizedWeight weight, @Nullable Tensor bias, LinearOperator operator) {

    float biasOf(int row) {
      return bias == null ? 0 : bias.segment().getAtIndex(ValueLayout.JAVA_FLOAT, row);
    }
  }

  @ParameterizedTest
  @FieldSource("SCHEMES")
  void threeWeightsWithOneInput(QuantScheme scheme) {
    eachShape(
        scheme,
        (backend, shape, x, random) -> {
          Tensor in = Activations.of(backend, 1, x.length, x).tensor();
          List<Product> products = new ArrayList<>();
          List<Activations> outs = new ArrayList<>();
          for (int i = 1; i < shape.length; i++) {
            Product product = product(backend, scheme, shape[i], x.length, random);
            Activations out = Activations.output(backend, 1, shape[i], false);
            product.operator().forward(out.tensor(), in);
            products.add(product);
            outs.add(out);
          }
          for (int i = 0; i < outs.size(); i++) {
            check(scheme, shape, outs.get(i).read(), expected(products.get(i), x));
          }
        });
  }

  @ParameterizedTest
  @FieldSource("SCHEMES")
  void aResidualSumAfterAProduct(QuantScheme scheme) {
    eachShape(
        scheme,
        (backend, shape, x, random) -> {
          Tensor in = Activations.of(backend, 1, x.length, x).tensor();
          Product product = product(backend, scheme, shape[1], x.length, random);
          float[] residual = ValuePattern.NORMAL.draw(random, shape[1]);
          Activations stream = Activations.of(backend, 1, shape[1], residual);
          Activations out = Activations.output(backend, 1, shape[1], false);
          product.operator().forward(out.tensor(), in);
          backend.residualAdd().forward(stream.tensor(), out.tensor());
          Expected expected = expected(product, x);
          check(scheme, shape, out.read(), expected);
          double[] sums = new double[shape[1]];
          double[] errors = new double[shape[1]];
          for (int i = 0; i < sums.length; i++) {
            sums[i] = expected.values()[i] + residual[i];
            errors[i] = ErrorBound.afterStoring(sums[i], expected.errors()[i]);
          }
          check(scheme, shape, stream.read(), new Expected(sums, errors));
        });
  }

  @ParameterizedTest
  @FieldSource("SCHEMES")
  void aGateAndWhatItGates(QuantScheme scheme) {
    eachShape(
        scheme,
        (backend, shape, x, random) -> {
          Tensor in = Activations.of(backend, 1, x.length, x).tensor();
          Product gate = product(backend, scheme, shape[3], x.length, random);
          Product up = product(backend, scheme, shape[3], x.length, random);
          Activations gateOut = Activations.output(backend, 1, shape[3], false);
          Activations upOut = Activations.output(backend, 1, shape[3], false);
          gate.operator().forward(gateOut.tensor(), in);
          up.operator().forward(upOut.tensor(), in);
          backend.gatedActivation().forward(gateOut.tensor(), gateOut.tensor(), upOut.tensor());
          Expected g = expected(gate, x);
          Expected u = expected(up, x);
          check(scheme, shape, upOut.read(), u);
          check(scheme, shape, gateOut.read(), gated(g, u));
        });
  }

  /** Nothing is left to chance: the same launches give the same bits. */
  @ParameterizedTest
  @FieldSource("SCHEMES")
  void againTheSameBits(QuantScheme scheme) {
    eachShape(
        scheme,
        (backend, shape, x, random) -> {
          Tensor in = Activations.of(backend, 1, x.length, x).tensor();
          Product product = product(backend, scheme, shape[3], x.length, random);
          Activations out = Activations.output(backend, 1, shape[3], false);
          product.operator().forward(out.tensor(), in);
          float[] first = out.read();
          for (int i = 0; i < 10; i++) {
            product.operator().forward(out.tensor(), in);
            Closeness.assertSameBits(() -> name(scheme, shape), out.read(), first);
          }
        });
  }

  /** What is checked of one shape. */
  @FunctionalInterface
  private interface Check {
    void run(KernelBackend backend, int[] shape, float[] x, SplittableRandom random);
  }

  private void eachShape(QuantScheme scheme, Check check) {
    try (KernelBackend backend = candidate.open()) {
      for (int[] shape : SHAPES) {
        SplittableRandom random = new SplittableRandom(shape[0] * 31L + scheme.group());
        float[] x = ValuePattern.NORMAL.draw(random, shape[0] * scheme.group());
        check.run(backend, shape, x, random);
      }
    }
  }

  private static Product product(
      KernelBackend backend, QuantScheme scheme, int rows, int columns, SplittableRandom random) {
    float[] w = ValuePattern.NORMAL.draw(random, DType.BF16, rows * columns);
    float @Nullable [] b = random.nextBoolean() ? ValuePattern.NORMAL.draw(random, rows) : null;
    Tensor dense = StoredMatrix.of(DType.BF16, rows, columns, w, false).tensor();
    // In host memory, so that the test can read what codes stand for.
    KernelBackend host = backend.device().isHost() ? backend : new ReferenceBackend();
    QuantizedWeight weight = host.quantize(dense, scheme, QuantizeListener.NONE);
    Tensor bias = b == null ? null : StoredMatrix.of(1, rows, b).tensor();
    return new Product(weight, bias, backend.linear(weight, bias));
  }

  /** As in {@link QuantizedLinearConformanceTest}. */
  private Expected expected(Product product, float[] x) {
    ErrorBound arithmetic =
        candidate.rowsIndependent() ? candidate.arithmetic(DType.F32) : ErrorBound.EXACT_OPERANDS;
    int rows = product.weight().rows();
    double[] values = new double[rows];
    double[] errors = new double[rows];
    float[] weights = new float[x.length];
    for (int row = 0; row < rows; row++) {
      product.weight().dequantizeRow(weights, 0, row);
      float largest = 0;
      for (float weight : weights) {
        largest = Math.max(largest, Math.abs(weight));
      }
      double sum = product.biasOf(row);
      double magnitude = Math.abs(sum);
      for (int k = 0; k < x.length; k++) {
        sum += (double) x[k] * weights[k];
        magnitude += Math.abs((double) x[k]) * 4 * largest;
      }
      values[row] = sum;
      errors[row] =
          ErrorBound.afterStoring(sum, arithmetic.sumOfProducts(2 * x.length + 4, magnitude));
    }
    return new Expected(values, errors);
  }

  private static Expected gated(Expected gate, Expected up) {
    int size = gate.values().length;
    double[] values = new double[size];
    double[] errors = new double[size];
    for (int i = 0; i < size; i++) {
      double g = gate.values()[i];
      double u = up.values()[i];
      double silu = g / (1 + Math.exp(-g));
      double siluError = SILU_SLOPE * gate.errors()[i] + SILU_ERROR * Math.abs(silu);
      values[i] = silu * u;
      errors[i] =
          ErrorBound.afterStoring(
              values[i],
              siluError * (Math.abs(u) + up.errors()[i]) + Math.abs(silu) * up.errors()[i]);
    }
    return new Expected(values, errors);
  }

  private void check(QuantScheme scheme, int[] shape, float[] actual, Expected expected) {
    Closeness.assertWithin(() -> name(scheme, shape), actual, expected.values(), expected.errors());
  }

  private String name(QuantScheme scheme, int[] shape) {
    return "%s %s %s".formatted(candidate, scheme, Arrays.toString(shape));
  }
}
