package io.vquant.kernels.quant;

/**
 * Finds the grid of one group: the specification that vector and device code equal bit for bit.
 *
 * <p>For each <b>coverage</b> f of the width's list, in order, a grid of {@code maxCode + 1} levels
 * is laid over the middle of the group's range, {@code step = range * (f / maxCode)}: f = 1 is the
 * min-max grid, f = 3/4 at 2 bits the midpoint grid, less clips. Then twice:
 *
 * <ol>
 *   <li>every element takes the nearest code c of the grid;
 *   <li>the grid becomes the least-squares line through (c, x): {@code scale = FP16((n Scy - Sc Sy)
 *       / (n Scc - Sc Sc))}, then, for that rounded scale, {@code zero = FP16(lo + (Sy - scale Sc)
 *       / n)}, where y = x - lo.
 * </ol>
 *
 * <p>At last every element takes the nearest code of the <i>rounded</i> grid, so that FP16 rounding
 * moves the levels and never an element to a worse one. Of the coverages the first with the least
 * sum of squared errors wins.
 *
 * <p><b>Arithmetic</b>: float32, each operation rounded to nearest even, nothing fused but what is
 * written as fma, in these expressions (q is the largest code, n the number of elements):
 *
 * <pre>
 * range = hi - lo                        step  = range * (f / q)
 * first = fma(-0.5 q, step, fma(range, 0.5, lo))
 * c     = rint(max(0, min(q, (x - first) * (1 / step))))      0 where step is 0
 * y     = x - lo                         D     = n Scc - Sc Sc, exact, then a float
 * scale = FP16(min(65504, fma(n, Scy, -(Sc * Sy)) / D))       +0 unless D and it are above 0
 * zero  = FP16(max(-65504, min(65504, lo + fma(-scale, Sc, Sy) / n)))
 * error = x - fma(scale, c, zero)
 * </pre>
 *
 * <p>Sums of y, c y and squared errors (the last two by fma) are kept in 16 lanes: lane i takes
 * elements i, i + 16, i + 32, ...; then lanes are added pairwise over the distances 8, 4, 2, 1. Sc
 * and Scc, sums of codes and their squares, are exact, and D is below 2^31 for groups of at most
 * 256. Zeros among the minimum and maximum count as +0. Excluded elements add nothing to any sum.
 *
 * <p><b>Edges</b>: a range of at most 2^-24 (the smallest half), equal codes, or a scale that
 * rounds to 0 give scale +0, zero = FP16(mean) and codes 0. Scale and zero end at 65504 in
 * magnitude. Elements beyond that, infinities and NaN are refused. An empty group gives scale and
 * zero +0.
 */
public final class GroupQuantizer {

  /** Most elements of a group. */
  public static final int MAX_GROUP = 256;

  /** Rounds of codes and line for each coverage. */
  public static final int ROUNDS = 2;

  /** 2^-24: a range up to here has no step that a half can hold. */
  public static final float SMALLEST_HALF = 0x1p-24f;

  private final CodeBits bits;
  private final float[] coverages;

  public GroupQuantizer(CodeBits bits) {
    this.bits = bits;
    coverages = coverages(bits);
  }

  /**
   * The coverages that are tried, in order. The first is 1, so that no group fares worse than on a
   * min-max grid, whatever its distribution, but for the rounding of scale and zero. More of them
   * gain below 2 % of the error on Gaussian groups; 8 bits gain nothing from clipping.
   */
  public static float[] coverages(CodeBits bits) {
    return switch (bits) {
      case EIGHT -> new float[] {1f};
      case FOUR -> new float[] {1f, 0.875f};
      case TWO -> new float[] {1f, 0.75f, 0.5625f, 0.375f};
    };
  }

  /** The grid of all elements. */
  public AffineGrid fit(float[] group) {
    return fit(group, 0L);
  }

  /**
   * The grid of the elements that are not excluded.
   *
   * @param group 1 to 256 elements
   * @param excluded bit i leaves element i out; 0 for groups of more than 64
   * @throws IllegalArgumentException if an element, excluded or not, is not finite or is over 65504
   *     in magnitude
   */
  public AffineGrid fit(float[] group, long excluded) {
    require(group, excluded);
    GroupElements included = new GroupElements(group, excluded);
    if (included.count() == 0) {
      return new AffineGrid((short) 0, (short) 0);
    }
    AffineGrid best = refine(included, coverages[0]);
    // With nothing to choose from there is nothing to measure.
    float bestError = coverages.length > 1 ? squaredError(included, best) : 0;
    for (int i = 1; i < coverages.length; i++) {
      AffineGrid grid = refine(included, coverages[i]);
      float error = squaredError(included, grid);
      if (error < bestError) {
        best = grid;
        bestError = error;
      }
    }
    return best;
  }

  private static void require(float[] group, long excluded) {
    if (group.length < 1
        || group.length > MAX_GROUP
        || (excluded != 0 && group.length > Long.SIZE)) {
      throw new IllegalArgumentException(
          "group of "
              + group.length
              + " elements, excluded "
              + Long.toHexString(excluded)
              + ": expected 1 to "
              + MAX_GROUP
              + ", at most 64 if some are excluded");
    }
    for (int i = 0; i < group.length; i++) {
      if (!(Math.abs(group[i]) <= Float16.MAX_VALUE)) {
        throw new IllegalArgumentException(
            "element " + i + " is " + group[i] + ": expected a magnitude of at most 65504");
      }
    }
  }

  private AffineGrid refine(GroupElements group, float coverage) {
    int maxCode = bits.maxCode();
    float range = group.high() - group.low();
    float step = range * (coverage / maxCode);
    float middle = Math.fma(range, 0.5f, group.low());
    float first = Math.fma(-0.5f * maxCode, step, middle);
    float inverse = range > SMALLEST_HALF ? 1f / step : 0f;
    AffineGrid grid = refit(group, inverse, first);
    for (int round = 1; round < ROUNDS; round++) {
      float scale = Float16.toFloat(grid.scale());
      grid = refit(group, AffineGrid.inverse(scale), Float16.toFloat(grid.zero()));
    }
    return grid;
  }

  private AffineGrid refit(GroupElements group, float inverseStep, float first) {
    int codeSum = 0;
    int codeSquares = 0;
    LaneSum products = new LaneSum();
    for (int i = 0; i < group.length(); i++) {
      if (group.includes(i)) {
        float x = group.get(i);
        int code = AffineGrid.code(x, inverseStep, first, bits.maxCode());
        codeSum += code;
        codeSquares += code * code;
        products.addProduct(i, (float) code, x - group.low());
      }
    }
    int n = group.count();
    // Both products may pass 2^31; their difference never does, and wrapping keeps it exact.
    int determinant = n * codeSquares - codeSum * codeSum;
    float numerator = Math.fma(n, products.total(), -(codeSum * group.sum()));
    float slope = determinant > 0 ? numerator / determinant : 0f;
    short scale = slope > 0 ? Float16.fromFloat(Math.min(slope, Float16.MAX_VALUE)) : 0;
    float rest = Math.fma(-Float16.toFloat(scale), codeSum, group.sum()) / n;
    return new AffineGrid(scale, saturated(group.low() + rest));
  }

  private static short saturated(float value) {
    return Float16.fromFloat(Math.max(-Float16.MAX_VALUE, Math.min(Float16.MAX_VALUE, value)));
  }

  private float squaredError(GroupElements group, AffineGrid grid) {
    LaneSum squares = new LaneSum();
    for (int i = 0; i < group.length(); i++) {
      if (group.includes(i)) {
        float x = group.get(i);
        float error = x - grid.value(grid.code(x, bits));
        squares.addProduct(i, error, error);
      }
    }
    return squares.total();
  }
}
