package io.vquant.kernels.conformance;

import io.vquant.kernels.tensor.DType;
import java.util.List;
import java.util.random.RandomGenerator;

/** Sizes around the widths of vectors and tiles, and odd ones. */
final class Sizes {

  static final int[] FEATURES = {
    1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 64, 65, 80, 100, 255, 576, 1000
  };
  static final int[] ROWS = {1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 65};

  private static final List<DType> DTYPES = List.of(DType.values());
  private static final List<ValuePattern> PATTERNS = List.of(ValuePattern.values());

  private Sizes() {}

  static int any(RandomGenerator random, int... sizes) {
    return sizes[random.nextInt(sizes.length)];
  }

  /** The same for every run, on every machine. */
  static long seed(int size, ValuePattern pattern) {
    return 31L * size + pattern.name().hashCode();
  }

  static DType anyDType(RandomGenerator random) {
    return DTYPES.get(random.nextInt(DTYPES.size()));
  }

  static ValuePattern anyPattern(RandomGenerator random) {
    return PATTERNS.get(random.nextInt(PATTERNS.size()));
  }
}
