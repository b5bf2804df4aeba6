package io.vquant.kernels.quant;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What codes stand for, against the weights they were made of. */
final class WeightQuantizerTest {

  private static final int ROWS = 70;
  private static final int COLUMNS = 256;

  @ParameterizedTest
  @ValueSource(ints = {32, 64})
  void eightBitsAreOffByHalfAStepAtMost(int group) {
    float[] weights = gaussian(7, 0);
    QuantizedWeight coded = quantized(weights, new QuantScheme(CodeBits.EIGHT, group, 0));
    float[] row = new float[COLUMNS];
    for (int r = 0; r < ROWS; r++) {
      coded.dequantizeRow(row, 0, r);
      for (int first = 0; first < COLUMNS; first += group) {
        float max = 0;
        for (int c = first; c < first + group; c++) {
          max = Math.max(max, Math.abs(weights[r * COLUMNS + c]));
        }
        // The coarsest grid has 64 steps, rounded to a half and moved by two. That is more than the
        // finest one, moved the other way, may miss the largest weight by.
        double halfStep = 0.5 * max / SymmetricGrid.FEWEST_STEPS * (1 + 3 * 0x1p-10);
        for (int c = first; c < first + group; c++) {
          assertThat(Math.abs(row[c] - weights[r * COLUMNS + c]))
              .as("seed 7, row %d, column %d", r, c)
              .isLessThanOrEqualTo((float) halfStep);
        }
      }
    }
  }

  @Test
  void weightsOnAGridOfSixteenLevelsComeBackExactly() {
    SplittableRandom random = new SplittableRandom(3);
    float[] weights = new float[ROWS * COLUMNS];
    for (int first = 0; first < weights.length; first += 32) {
      float scale = random.nextInt(1, 9) * 0x1p-10f;
      float zero = -random.nextInt(3, 12) * scale;
      for (int i = 0; i < 32; i++) {
        int code = i < 2 ? 15 * i : random.nextInt(16);
        weights[first + i] = Math.fma(scale, (float) code, zero);
      }
    }
    assertThat(restored(quantized(weights, new QuantScheme(CodeBits.FOUR, 32, 0))))
        .isEqualTo(weights);
  }

  @ParameterizedTest
  @ValueSource(strings = {"q4", "q8"})
  void outliersAreKeptExactAndLowerTheError(String name) {
    float[] weights = gaussian(11, 40);
    QuantScheme plain = QuantScheme.of(name).orElseThrow();
    QuantizedWeight coded = quantized(weights, plain.with("outliers", "4"));
    float[] restored = restored(coded);
    int kept = 0;
    for (int i = 0; i < weights.length; i++) {
      if (Math.abs(weights[i]) > 0.2f) {
        assertThat(restored[i]).as("seed 11, weight %d", i).isEqualTo(weights[i]);
        kept++;
      }
    }
    assertThat(kept).isGreaterThan(20);
    assertThat(coded.outliers().count()).isBetween(kept, weights.length / 100);
    assertThat(squaredError(weights, restored))
        .isLessThan(0.9 * squaredError(weights, restored(quantized(weights, plain))));
  }

  @Test
  void smallerGroupsLoseLess() {
    float[] weights = gaussian(5, 0);
    double before = 0;
    for (int group : new int[] {32, 64, 128}) {
      QuantScheme scheme = new QuantScheme(CodeBits.FOUR, group, 0);
      double error = squaredError(weights, restored(quantized(weights, scheme)));
      assertThat(error).as("seed 5, group %d", group).isGreaterThan(before);
      before = error;
    }
  }

  /** Of 0.03 standard deviation, with a number of weights far out. */
  private static float[] gaussian(int seed, int outliers) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] weights = new float[ROWS * COLUMNS];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) (0.03 * random.nextGaussian());
    }
    for (int i = 0; i < outliers; i++) {
      weights[random.nextInt(weights.length)] *= 20;
    }
    return weights;
  }

  private static QuantizedWeight quantized(float[] weights, QuantScheme scheme) {
    MemorySegment memory = Arena.ofAuto().allocate(4L * weights.length, 64);
    MemorySegment.copy(weights, 0, memory, ValueLayout.JAVA_FLOAT, 0, weights.length);
    Tensor tensor =
        new Tensor(
            new HostStorage(Device.REFERENCE, memory), DType.F32, Layout.dense(ROWS, COLUMNS));
    KernelBackend backend = new ReferenceBackend(); // its memory lives as long as the test
    return backend.quantize(tensor, scheme, QuantizeListener.NONE);
  }

  private static float[] restored(QuantizedWeight weight) {
    float[] all = new float[ROWS * COLUMNS];
    for (int r = 0; r < ROWS; r++) {
      weight.dequantizeRow(all, r * COLUMNS, r);
    }
    return all;
  }

  private static double squaredError(float[] weights, float[] restored) {
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      double error = (double) weights[i] - restored[i];
      sum += error * error;
    }
    return sum;
  }
}
