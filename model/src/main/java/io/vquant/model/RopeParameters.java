package io.vquant.model;

import io.vquant.kernels.backend.RotarySpec;

/**
 * A rotary embedding and how it is stretched beyond the trained context, in Hugging Face's names.
 * Values are as written in the config, or as transformers 5 fills them in.
 */
public sealed interface RopeParameters {

  /** Base of the geometric series of wavelengths. */
  double ropeTheta();

  /** Name of the kind: {@code default}, {@code linear}, {@code llama3} or {@code yarn}. */
  String ropeType();

  /** The frequencies for heads of this size (even). */
  default RotarySpec toRotarySpec(int headDim) {
    return RotaryFrequencies.of(this, headDim);
  }

  /** No scaling (Su et al. 2021, section 3.4.3). */
  record Default(double ropeTheta) implements RopeParameters {
    @Override
    public String ropeType() {
      return "default";
    }
  }

  /** Positions divided by {@code factor} (Chen et al. 2023, position interpolation). */
  record Linear(double ropeTheta, double factor) implements RopeParameters {
    @Override
    public String ropeType() {
      return "linear";
    }
  }

  /**
   * Long wavelengths divided by {@code factor}, short ones kept, a linear blend between (Llama
   * 3.1).
   *
   * @param lowFreqFactor wavelengths over {@code originalMaxPositionEmbeddings / lowFreqFactor} are
   *     scaled
   * @param highFreqFactor wavelengths under {@code originalMaxPositionEmbeddings / highFreqFactor}
   *     are kept
   */
  record Llama3(
      double ropeTheta,
      double factor,
      double lowFreqFactor,
      double highFreqFactor,
      int originalMaxPositionEmbeddings)
      implements RopeParameters {
    @Override
    public String ropeType() {
      return "llama3";
    }
  }

  /**
   * NTK-by-parts with a temperature (Peng et al. 2023, YaRN, sections 3.2 to 3.4).
   *
   * @param attentionFactor factor on cosine and sine; already derived where the config has none
   * @param betaFast rotations within the original context from which on a dimension is kept
   * @param betaSlow rotations below which a dimension is fully interpolated
   * @param truncate whether the bounds between those are rounded to whole dimensions
   */
  record Yarn(
      double ropeTheta,
      double factor,
      int originalMaxPositionEmbeddings,
      double attentionFactor,
      double betaFast,
      double betaSlow,
      boolean truncate)
      implements RopeParameters {
    @Override
    public String ropeType() {
      return "yarn";
    }

    /**
     * The attention factor where the config gives none: {@code 0.1 ln(factor) + 1}, or the ratio of
     * two such terms where both {@code mscale} values are given and not 0.
     */
    public static double derivedAttentionFactor(double factor, double mscale, double mscaleAllDim) {
      if (mscale != 0 && mscaleAllDim != 0) {
        return temperature(factor, mscale) / temperature(factor, mscaleAllDim);
      }
      return temperature(factor, 1);
    }

    private static double temperature(double factor, double mscale) {
      return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }
  }
}
