package io.vquant.kernels.conformance;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.CodeBits;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Products with weights in codes against exact products with the dequantized weights: whatever a
 * scheme loses, kernels lose no more.
 */
@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record QuantizedLinearConformanceTest(TestBackend candidate) {

  static final List<QuantScheme> SCHEMES =
      List.of(
          new QuantScheme(CodeBits.FOUR, 32, 0),
          new QuantScheme(CodeBits.FOUR, 64, 0),
          new QuantScheme(CodeBits.FOUR, 128, 3),
          new QuantScheme(CodeBits.FOUR, 32, 2),
          new QuantScheme(CodeBits.EIGHT, 32, 0),
          new QuantScheme(CodeBits.EIGHT, 64, 2.5f));

  /** More rows are multiplied as FP16 on a device. */
  private static final int FEW_DEVICE_ROWS = 8;

  /** 2^-22 in roundings of float32. */
  private static final int INPUT_ROUNDINGS = 4;

  private static final int[] OUT_FEATURES = {1, 3, 31, 32, 33, 63, 64, 65, 100, 129, 200};

  @ParameterizedTest
  @FieldSource("SCHEMES")
  void everySizeAndNumberOfRows(QuantScheme scheme) {
    try (KernelBackend backend = opened()) {
      for (int rows : Sizes.ROWS) {
        for (int groups : new int[] {1, 2, 3, 7, 35}) {
          SplittableRandom random = new SplittableRandom(1000L * rows + groups);
          int outFeatures = Sizes.any(random, OUT_FEATURES);
          check(backend, scheme, rows, groups, outFeatures, ValuePattern.NORMAL, random);
        }
      }
    }
  }

  /** As many columns as keep all warps of a block busy, and so many that a device has less room. */
  @ParameterizedTest
  @FieldSource("SCHEMES")
  void manyColumns(QuantScheme scheme) {
    try (KernelBackend backend = opened()) {
      for (int columns : new int[] {2048, 2304, 14336, 28672}) {
        for (int rows : new int[] {1, 3}) {
          SplittableRandom random = new SplittableRandom(columns + rows);
          int groups = columns / scheme.group();
          check(backend, scheme, rows, groups, 71, ValuePattern.NORMAL, random);
        }
      }
    }
  }

  @ParameterizedTest
  @FieldSource("SCHEMES")
  void extremeInputs(QuantScheme scheme) {
    try (KernelBackend backend = opened()) {
      for (ValuePattern pattern : ValuePattern.values()) {
        for (int rows : new int[] {1, 4, 9}) {
          check(backend, scheme, rows, 3, 65, pattern, new SplittableRandom(rows));
        }
      }
    }
  }

  @ParameterizedTest
  @FieldSource("SCHEMES")
  void aRowHasTheSameBitsAloneAndBesideOthers(QuantScheme scheme) {
    assumeTrue(candidate.rowsIndependent(), "a device may round rows that are many");
    int columns = 5 * scheme.group();
    SplittableRandom random = new SplittableRandom(columns);
    float[] w = ValuePattern.NORMAL.draw(random, DType.BF16, 100 * columns);
    float[] x = ValuePattern.NORMAL.draw(random, 150 * columns);
    float[] together = products(2, scheme, w, x, 150, 150);
    for (int chunk : new int[] {1, 2, 4, 5, 33}) {
      float[] apart = products(1, scheme, w, x, 150, chunk);
      Closeness.assertSameBits(
          () -> candidate + " " + scheme + " in chunks of " + chunk, apart, together);
    }
  }

  private float[] products(
      int threads, QuantScheme scheme, float[] w, float[] x, int rows, int chunk) {
    int columns = x.length / rows;
    try (KernelBackend backend = candidate.open(threads)) {
      Tensor dense = StoredMatrix.of(DType.BF16, 100, columns, w, false).tensor();
      QuantizedWeight weight = quantized(backend, dense, scheme);
      Tensor in = Activations.of(backend, rows, columns, x).tensor();
      Activations out = Activations.output(backend, rows, 100, false);
      var linear = backend.linear(weight, null);
      for (int row = 0; row < rows; row += chunk) {
        int count = Math.min(chunk, rows - row);
        linear.forward(out.tensor().rows(row, count), in.rows(row, count));
      }
      return out.read();
    }
  }

  private KernelBackend opened() {
    return candidate.open();
  }

  /** In host memory, so that the test can read what codes stand for. */
  private static QuantizedWeight quantized(
      KernelBackend backend, Tensor dense, QuantScheme scheme) {
    KernelBackend host = backend.device().isHost() ? backend : new ReferenceBackend();
    return host.quantize(dense, scheme, QuantizeListener.NONE);
  }

  private void check(
      KernelBackend backend,
      QuantScheme scheme,
      int rows,
      int groups,
      int outFeatures,
      ValuePattern pattern,
      SplittableRandom random) {
    int columns = groups * scheme.group();
    DType dtype = Sizes.anyDType(random);
    float[] w = ValuePattern.NORMAL.draw(random, dtype, outFeatures * columns);
    w[random.nextInt(w.length)] = 40;
    float[] b = random.nextBoolean() ? ValuePattern.NORMAL.draw(random, outFeatures) : null;
    float[] x = pattern.draw(random, rows * columns);
    Tensor dense = StoredMatrix.of(dtype, outFeatures, columns, w, random.nextBoolean()).tensor();
    Tensor bias = b == null ? null : StoredMatrix.of(1, outFeatures, b).tensor();
    QuantizedWeight weight = quantized(backend, dense, scheme);
    boolean padded = random.nextBoolean();
    Activations in = Activations.of(backend, rows, columns, x, padded);
    Activations out = Activations.output(backend, rows, outFeatures, padded);
    backend.linear(weight, bias).forward(out.tensor(), in.tensor());

    double[] exact = new double[rows * outFeatures];
    double[] tolerance = new double[exact.length];
    float[] row = new float[columns];
    for (int feature = 0; feature < outFeatures; feature++) {
      weight.dequantizeRow(row, 0, feature);
      for (int r = 0; r < rows; r++) {
        int i = r * outFeatures + feature;
        float[] input = Arrays.copyOfRange(x, r * columns, (r + 1) * columns);
        float added = b == null ? 0 : b[feature];
        if (candidate.rowsIndependent() || rows <= FEW_DEVICE_ROWS) {
          sumOfCodes(exact, tolerance, i, input, row, added, scheme);
        } else {
          sumOfUnpacked(exact, tolerance, i, input, row, added);
        }
      }
    }
    Closeness.assertWithin(
        () ->
            "%s %s rows %d [%d, %d] %s %s"
                .formatted(candidate, scheme, rows, outFeatures, columns, dtype, pattern),
        out.read(),
        exact,
        tolerance);
  }

  /**
   * Codes and zeros are multiplied apart: terms of up to the range of a group in place of the
   * weights, at most 2^bits steps of it. An input that the place of a code divides by up to 2^28
   * may underflow there; an underflow is multiplied back by a code in place and a scale.
   */
  private void sumOfCodes(
      double[] exact,
      double[] tolerance,
      int i,
      float[] x,
      float[] weights,
      float bias,
      QuantScheme scheme) {
    double sum = bias;
    double magnitude = Math.abs(bias);
    float largest = largest(weights);
    for (int k = 0; k < weights.length; k++) {
      sum += (double) x[k] * weights[k];
      // |scale code| + |zero| is at most 3 times the largest |weight| of the group, outliers apart.
      magnitude += Math.abs((double) x[k]) * 4 * largest;
    }
    // A device adds on tensor cores, which may cut, and takes inputs to 22 bits.
    ErrorBound arithmetic =
        candidate.rowsIndependent() ? candidate.arithmetic(DType.F32) : ErrorBound.EXACT_OPERANDS;
    // The chain, the group's sum, two more for the grid and the outliers, and the bias.
    int roundings = 2 * weights.length + 4 + (candidate.rowsIndependent() ? 0 : INPUT_ROUNDINGS);
    double underflow =
        weights.length
            * arithmetic.underflow()
            * Math.scalb(1.0, 32 - scheme.bits().bits())
            * 4
            * largest;
    exact[i] = sum;
    double error =
        arithmetic.sumOfProducts(roundings, magnitude)
            + ErrorBound.DOUBLE.sumOfProducts(roundings, magnitude)
            + underflow;
    tolerance[i] = ErrorBound.afterStoring(sum, error);
  }

  /**
   * Both operands are rounded to F16. Below its normal numbers that is off by up to 2^-25: for
   * weights as they are, for inputs once their row is scaled so that the largest is at least 2^14.
   */
  private static void sumOfUnpacked(
      double[] exact, double[] tolerance, int i, float[] x, float[] weights, float bias) {
    double sum = bias;
    double magnitude = Math.abs(bias);
    double weightMagnitude = 0;
    double inputMagnitude = 0;
    for (int k = 0; k < weights.length; k++) {
      sum += (double) x[k] * weights[k];
      magnitude += Math.abs((double) x[k] * weights[k]);
      weightMagnitude += Math.abs((double) weights[k]);
      inputMagnitude += Math.abs((double) x[k]);
    }
    int roundings = weights.length + 2;
    exact[i] = sum;
    double subnormal = 0x1p-25 * inputMagnitude + 0x1p-39 * largest(x) * weightMagnitude;
    double error =
        ErrorBound.TWO_F16_OPERANDS.sumOfProducts(roundings, magnitude)
            + (1 + ErrorBound.TWO_F16_OPERANDS.gamma(roundings)) * 2 * subnormal
            + ErrorBound.DOUBLE.sumOfProducts(roundings, magnitude);
    tolerance[i] = ErrorBound.afterStoring(sum, error);
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }
}
