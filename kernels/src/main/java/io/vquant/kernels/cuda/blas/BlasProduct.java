package io.vquant.kernels.cuda.blas;

import static io.vquant.kernels.cuda.blas.BlasException.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code out = x W^T (+ bias)} of one {@link BlasShape}, BF16 operands and float32 sums, with the
 * algorithm that the library ranks first. Numbers are those of {@code cublasLt.h}, the same in all
 * major versions from 11 on.
 */
final class BlasProduct implements AutoCloseable {
  private static final int REAL_32F = 0;
  private static final int REAL_16BF = 14;
  private static final int COMPUTE_32F = 68;
  private static final int TRANSPOSE = 1;
  private static final int EPILOGUE_BIAS = 4;

  private static final int DESCRIPTION_TRANSPOSE_A = 3;
  private static final int DESCRIPTION_EPILOGUE = 7;
  private static final int DESCRIPTION_BIAS_POINTER = 8;

  private static final int PREFER_WORKSPACE_BYTES = 1;
  private static final int PREFER_ALIGNMENT_A = 5;
  private static final int PREFER_ALIGNMENT_B = 6;
  private static final int PREFER_ALIGNMENT_C = 7;
  private static final int PREFER_ALIGNMENT_D = 8;

  /** A cublasLtMatmulHeuristicResult_t: the algorithm, its workspace, a status, and more. */
  private static final int RESULT_BYTES = 96;

  private static final int RESULT_WORKSPACE = 64;
  private static final int RESULT_STATUS = 72;

  /** Of the rows that are multiplied, as device memory is. */
  static final int OPERAND_ALIGNMENT = 256;

  private final BlasLibrary library;
  private final long handle;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
  private final MemorySegment none = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f);
  private final MemorySegment value = arena.allocate(Long.BYTES, Long.BYTES);
  private final MemorySegment result = arena.allocate(RESULT_BYTES, Long.BYTES);
  private final long description;
  private final long weightLayout;
  private final long inputLayout;
  private final long outputLayout;
  private final boolean isOffered;

  BlasProduct(BlasLibrary library, long handle, BlasShape shape) {
    this.library = library;
    this.handle = handle;
    try {
      check(
          "cublasLtMatmulDescCreate",
          (int) library.createDescription.invokeExact(value.address(), COMPUTE_32F, REAL_32F));
      description = created();
      describe(DESCRIPTION_TRANSPOSE_A, TRANSPOSE);
      if (shape.hasBias()) {
        describe(DESCRIPTION_EPILOGUE, EPILOGUE_BIAS);
      }
      // The library counts columns first: rows of ours are its columns, and out^T = W x^T.
      weightLayout = layout(REAL_16BF, shape.inFeatures(), shape.outFeatures(), shape.inFeatures());
      inputLayout = layout(REAL_16BF, shape.inFeatures(), shape.rows(), shape.inFeatures());
      outputLayout = layout(REAL_32F, shape.outFeatures(), shape.rows(), shape.outStride());
      isOffered = choose(shape);
    } catch (Throwable failure) {
      arena.close();
      throw unchecked(failure);
    }
  }

  /** Whether the library has an algorithm for this shape. */
  boolean isOffered() {
    return isOffered;
  }

  /** Enqueues the product; all are device addresses but the stream. */
  void multiply(long stream, long out, long x, long weight, long bias, long workspace) {
    try {
      if (bias != 0) {
        value.set(ValueLayout.JAVA_LONG, 0, bias);
        check(
            "cublasLtMatmulDescSetAttribute",
            (int)
                library.describe.invokeExact(
                    description, DESCRIPTION_BIAS_POINTER, value.address(), (long) Long.BYTES));
      }
      check(
          "cublasLtMatmul",
          (int)
              library.multiply.invokeExact(
                  handle,
                  description,
                  one.address(),
                  weight,
                  weightLayout,
                  x,
                  inputLayout,
                  none.address(),
                  out,
                  outputLayout,
                  out,
                  outputLayout,
                  result.address(),
                  workspace,
                  result.get(ValueLayout.JAVA_LONG, RESULT_WORKSPACE),
                  stream));
    } catch (Throwable failure) {
      throw unchecked(failure);
    }
  }

  private boolean choose(BlasShape shape) throws Throwable {
    check(
        "cublasLtMatmulPreferenceCreate",
        (int) library.createPreference.invokeExact(value.address()));
    long preference = created();
    try {
      prefer(preference, PREFER_WORKSPACE_BYTES, BlasProducts.WORKSPACE_BYTES, Long.BYTES);
      prefer(preference, PREFER_ALIGNMENT_A, shape.weightAlignment(), Integer.BYTES);
      prefer(preference, PREFER_ALIGNMENT_B, OPERAND_ALIGNMENT, Integer.BYTES);
      prefer(preference, PREFER_ALIGNMENT_C, shape.outAlignment(), Integer.BYTES);
      prefer(preference, PREFER_ALIGNMENT_D, shape.outAlignment(), Integer.BYTES);
      int status =
          (int)
              library.choose.invokeExact(
                  handle,
                  description,
                  weightLayout,
                  inputLayout,
                  outputLayout,
                  outputLayout,
                  preference,
                  1,
                  result.address(),
                  value.address());
      return status == 0
          && value.get(ValueLayout.JAVA_INT, 0) == 1
          && result.get(ValueLayout.JAVA_INT, RESULT_STATUS) == 0;
    } finally {
      check(
          "cublasLtMatmulPreferenceDestroy",
          (int) library.destroyPreference.invokeExact(preference));
    }
  }

  private void describe(int attribute, int number) throws Throwable {
    value.set(ValueLayout.JAVA_INT, 0, number);
    check(
        "cublasLtMatmulDescSetAttribute",
        (int)
            library.describe.invokeExact(
                description, attribute, value.address(), (long) Integer.BYTES));
  }

  private void prefer(long preference, int attribute, long number, int bytes) throws Throwable {
    value.set(ValueLayout.JAVA_LONG, 0, number);
    check(
        "cublasLtMatmulPreferenceSetAttribute",
        (int) library.prefer.invokeExact(preference, attribute, value.address(), (long) bytes));
  }

  private long layout(int type, long rows, long columns, long stride) throws Throwable {
    check(
        "cublasLtMatrixLayoutCreate",
        (int) library.createLayout.invokeExact(value.address(), type, rows, columns, stride));
    return created();
  }

  private long created() {
    return value.get(ValueLayout.JAVA_LONG, 0);
  }

  static RuntimeException unchecked(Throwable failure) {
    return switch (failure) {
      case RuntimeException known -> known;
      case Error error -> throw error;
      default -> new IllegalStateException("cuBLASLt", failure);
    };
  }

  @Override
  public void close() {
    try {
      check("cublasLtMatmulDescDestroy", (int) library.destroyDescription.invokeExact(description));
      for (long layout : new long[] {weightLayout, inputLayout, outputLayout}) {
        check("cublasLtMatrixLayoutDestroy", (int) library.destroyLayout.invokeExact(layout));
      }
    } catch (Throwable failure) {
      throw unchecked(failure);
    } finally {
      arena.close();
    }
  }
}
