package io.vquant.engine.cli;

import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.WeightPolicy;

/** Reads the names of KV cache policies and of formats of weights that options are given. */
final class PolicyNames {
  /** No {@code --kv}: near lossless. */
  static final String DEFAULT_KV = "auto";

  /** No {@code --weights}: as they are stored. */
  static final String STORED = "stored";

  /** Weights that must be stored so. */
  static final String BF16 = "bf16";

  private PolicyNames() {}

  /** Reads the policy that {@code option} was given. */
  static KvPolicy kv(String option, String policy) {
    try {
      if (policy.equals(DEFAULT_KV)) {
        return KvPolicy.nearLossless();
      }
      return policy.startsWith("@")
          ? KvPolicyFile.read(policy.substring(1))
          : KvPolicy.parse(policy);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(option + " " + policy + ": " + e.getMessage());
    }
  }

  /** Reads the format that {@code option} was given. */
  static WeightPolicy weights(String option, String format) {
    try {
      return format.equals(STORED) ? WeightPolicy.STORED : WeightPolicy.parse(format);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(option + " " + format + ": " + e.getMessage());
    }
  }
}
