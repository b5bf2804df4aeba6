package io.vquant.kernels.conformance;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.DType;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("io.vquant.kernels.conformance.TestBackends#all")
record LinearConformanceTest(TestBackend candidate) {

  static final int[] FEATURES = Sizes.FEATURES;

  @ParameterizedTest
  @FieldSource("FEATURES")
  void everyPairOfSizes(int inFeatures) {
    try (KernelBackend backend = candidate.open()) {
      for (int outFeatures : Sizes.FEATURES) {
        SplittableRandom random = new SplittableRandom(1000L * inFeatures + outFeatures);
        int rows = Sizes.any(random, Sizes.ROWS);
        new LinearCase(
                rows,
                inFeatures,
                outFeatures,
                Sizes.anyDType(random),
                random.nextBoolean(),
                random.nextBoolean(),
                ValuePattern.NORMAL,
                ValuePattern.NORMAL,
                random.nextLong())
            .check(candidate, backend);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyNumberOfRowsWithAndWithoutBiasAtAnyAddress(DType dtype) {
    try (KernelBackend backend = candidate.open()) {
      for (int rows : Sizes.ROWS) {
        for (int choice = 0; choice < 4; choice++) {
          SplittableRandom random = new SplittableRandom(10L * rows + choice);
          new LinearCase(
                  rows,
                  Sizes.any(random, Arrays.copyOf(Sizes.FEATURES, 15)),
                  Sizes.any(random, Arrays.copyOf(Sizes.FEATURES, 15)),
                  dtype,
                  choice % 2 == 0,
                  choice / 2 == 0,
                  ValuePattern.NORMAL,
                  ValuePattern.NORMAL,
                  random.nextLong())
              .check(candidate, backend);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void manyRows(DType dtype) {
    try (KernelBackend backend = candidate.open()) {
      for (int rows : new int[] {127, 128, 131, 257}) {
        for (int choice = 0; choice < 4; choice++) {
          new LinearCase(
                  rows,
                  choice < 2 ? 80 : 256,
                  choice == 0 ? 33 : 96,
                  dtype,
                  choice % 2 == 0,
                  choice / 2 == 0,
                  ValuePattern.NORMAL,
                  ValuePattern.NORMAL,
                  100L * rows + choice)
              .check(candidate, backend);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void extremeValues(DType dtype) {
    try (KernelBackend backend = candidate.open()) {
      for (ValuePattern x : ValuePattern.values()) {
        for (ValuePattern weight : ValuePattern.values()) {
          if (dtype != DType.F16 && productsOverflow(x, weight)) {
            continue;
          }
          for (int inFeatures : new int[] {1, 7, 17, 80, 255}) {
            new LinearCase(
                    9,
                    inFeatures,
                    19,
                    dtype,
                    true,
                    inFeatures % 2 == 0,
                    x,
                    weight,
                    31L * inFeatures)
                .check(candidate, backend);
          }
        }
      }
    }
  }

  /** Sums beyond float32 overflow in one order of addition and not in another. */
  private static boolean productsOverflow(ValuePattern x, ValuePattern weight) {
    return switch (x) {
      case LARGE -> weight == ValuePattern.LARGE || weight == ValuePattern.MIXED;
      case MIXED -> weight == ValuePattern.LARGE;
      default -> false;
    };
  }

  @Test
  void exactWhereNoRoundingIsNeeded() {
    // Integers below 2^24 add without rounding in every order: equal bits are asked for.
    for (int inFeatures : Sizes.FEATURES) {
      float[] threes = new float[inFeatures];
      Arrays.fill(threes, 3f);
      try (KernelBackend backend = candidate.open()) {
        Activations x = Activations.of(backend, 1, inFeatures, threes);
        Activations out = Activations.output(backend, 1, 1, false);
        backend
            .linear(StoredMatrix.of(1, inFeatures, threes).tensor(), null)
            .forward(out.tensor(), x.tensor());
        Closeness.assertSameBits(
            () -> candidate + " " + inFeatures, out.read(), new float[] {9f * inFeatures});
      }
    }
  }
}
