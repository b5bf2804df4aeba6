package io.vquant.kernels.conformance;

import static io.vquant.kernels.conformance.Closeness.assertWithin;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One matrix product to check.
 *
 * @param oddAddress whether weight and bias start at odd byte addresses
 */
record LinearCase(
    int rows,
    int inFeatures,
    int outFeatures,
    DType dtype,
    boolean bias,
    boolean oddAddress,
    ValuePattern xPattern,
    ValuePattern weightPattern,
    long seed) {

  void check(TestBackend candidate, KernelBackend backend) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] x = xPattern.draw(random, rows * inFeatures);
    float[] w = weightPattern.draw(random, dtype, outFeatures * inFeatures);
    float[] b = bias ? ValuePattern.NORMAL.draw(random, dtype, outFeatures) : null;
    Tensor weight = StoredMatrix.of(dtype, outFeatures, inFeatures, w, oddAddress).tensor();
    Tensor biasRow =
        b == null ? null : StoredMatrix.of(dtype, 1, outFeatures, b, oddAddress).tensor();
    boolean padded = random.nextBoolean();
    Activations in = Activations.of(backend, rows, inFeatures, x, padded);
    Activations out = Activations.output(backend, rows, outFeatures, padded);
    backend.linear(weight, biasRow).forward(out.tensor(), in.tensor());
    compare(candidate, out.read(), x, w, b);
  }

  /**
   * Absolute error of an operand too small for the type that it is rounded to. BF16 ends where
   * float32 does. Rows for F16 are scaled so that the largest element is at least 2^14; half the
   * distance of its subnormal numbers is 2^-25.
   */
  private double operandUnderflow(ErrorBound arithmetic, double largestX) {
    if (arithmetic.operandRoundoff() == 0) {
      return 0;
    }
    double beyondFloat = arithmetic.operandRoundoff() * arithmetic.smallestNormal();
    return dtype == DType.F16 ? Math.max(largestX * 0x1p-39, beyondFloat) : beyondFloat;
  }

  private void compare(
      TestBackend candidate, float[] actual, float[] x, float[] weight, float @Nullable [] b) {
    double[] exact = new double[rows * outFeatures];
    double[] tolerance = new double[exact.length];
    // Products and additions of the sum; a bias is one more addition.
    int roundings = inFeatures + (bias ? 1 : 0);
    for (int i = 0; i < exact.length; i++) {
      int xStart = i / outFeatures * inFeatures;
      int wStart = i % outFeatures * inFeatures;
      double sum = b == null ? 0 : b[i % outFeatures];
      double magnitude = Math.abs(sum);
      double weightMagnitude = 0;
      double largestX = 0;
      for (int k = 0; k < inFeatures; k++) {
        double product = (double) x[xStart + k] * weight[wStart + k];
        sum += product;
        magnitude += Math.abs(product);
        weightMagnitude += Math.abs(weight[wStart + k]);
        largestX = Math.max(largestX, Math.abs(x[xStart + k]));
      }
      exact[i] = sum;
      // The sum above has the rounding errors of double arithmetic itself.
      double error =
          candidate.arithmetic(dtype).sumOfProducts(roundings, magnitude)
              + ErrorBound.DOUBLE.sumOfProducts(roundings, magnitude)
              + operandUnderflow(candidate.arithmetic(dtype), largestX) * weightMagnitude;
      tolerance[i] = ErrorBound.afterStoring(sum, error);
    }
    assertWithin(() -> candidate + " " + this, actual, exact, tolerance);
  }
}
