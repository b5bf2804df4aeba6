package io.vquant.kernels.conformance;

import io.vquant.kernels.quant.BFloat16;
import io.vquant.kernels.tensor.DType;
import java.util.random.RandomGenerator;

/** Kinds of values to compute with. Every value is one that the element type holds exactly. */
enum ValuePattern {
  NORMAL,
  ZEROS,
  NEGATIVE_ZEROS,
  NEGATIVE,
  DENORMAL,
  /** 1e30, and in F16, which ends at 65504, 3e4. */
  LARGE,
  /** Magnitudes over 37 decades (11 in F16), so that small terms drown and large ones cancel. */
  MIXED;

  float[] draw(RandomGenerator random, DType dtype, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = round(next(random, dtype), dtype);
    }
    return values;
  }

  float[] draw(RandomGenerator random, int count) {
    return draw(random, DType.F32, count);
  }

  private float next(RandomGenerator random, DType dtype) {
    float sign = random.nextBoolean() ? 1f : -1f;
    boolean f16 = dtype == DType.F16;
    return switch (this) {
      case NORMAL -> (float) random.nextGaussian();
      case ZEROS -> 0f;
      case NEGATIVE_ZEROS -> -0f;
      case NEGATIVE -> -random.nextFloat();
      case DENORMAL -> sign * denormal(random, dtype);
      case LARGE -> sign * (f16 ? 3e4f : 1e30f) * random.nextFloat();
      case MIXED ->
          sign
              * (float)
                  Math.pow(10, f16 ? 11 * random.nextDouble() - 7 : 37 * random.nextDouble() - 25);
    };
  }

  private static float denormal(RandomGenerator random, DType dtype) {
    return switch (dtype) {
      case F32 -> Float.intBitsToFloat(random.nextInt(1, 1 << 23));
      case BF16 -> BFloat16.toFloat((short) random.nextInt(1, 1 << 7));
      case F16 -> Float.float16ToFloat((short) random.nextInt(1, 1 << 10));
    };
  }

  /** The nearest value that the element type holds. */
  static float round(float value, DType dtype) {
    return switch (dtype) {
      case F32 -> value;
      case BF16 -> BFloat16.toFloat(BFloat16.fromFloat(value));
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
    };
  }
}
