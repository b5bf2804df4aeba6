package io.vquant.kernels.kvcache;

import io.vquant.kernels.tensor.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * How a model's layers keep their keys and values: one policy for all, and rules for some.
 *
 * @param base of every layer without a rule
 * @param rules no two for one layer
 * @param yielding whether a layer that the base does not fit falls back to BF16 (the engine's
 *     default does; a policy that a user wrote is refused instead)
 */
public record KvPolicy(KvLayerPolicy base, List<LayerRule> rules, boolean yielding) {

  /**
   * The policy of some layers.
   *
   * @param first the first of them, from 0
   * @param last the last of them
   */
  public record LayerRule(int first, int last, KvLayerPolicy policy) {
    public LayerRule {
      if (first < 0 || last < first) {
        throw new IllegalArgumentException(
            "layers " + first + "-" + last + ": expected a range of numbers from 0 on");
      }
    }

    boolean contains(int layer) {
      return layer >= first && layer <= last;
    }
  }

  public KvPolicy {
    rules = List.copyOf(rules);
    for (int i = 0; i < rules.size(); i++) {
      for (int j = 0; j < i; j++) {
        LayerRule a = rules.get(j);
        LayerRule b = rules.get(i);
        int common = Math.max(a.first(), b.first());
        if (common <= Math.min(a.last(), b.last())) {
          throw new IllegalArgumentException(
              "two rules for layer %d: %s and %s".formatted(common, a.policy(), b.policy()));
        }
      }
    }
  }

  /** The engine's default: near lossless on every model it was measured on (kernels/README.md). */
  public static KvPolicy nearLossless() {
    return new KvPolicy(KvLayerPolicy.of(KvFormats.parse("k8v4")), List.of(), true);
  }

  /** One policy for all layers. */
  public static KvPolicy uniform(KvLayerPolicy policy) {
    return new KvPolicy(policy, List.of(), false);
  }

  /** Everything as it is, in {@code F32} or {@code BF16}. */
  public static KvPolicy plain(DType dtype) {
    return uniform(KvLayerPolicy.of(KvFormats.plain(dtype)));
  }

  /**
   * Reads {@code FORMAT[,SETTING=VALUE ...]}: see {@link KvPolicyText}.
   *
   * @throws IllegalArgumentException naming what was read and what was expected
   */
  public static KvPolicy parse(String text) {
    return uniform(KvPolicyText.parse(text));
  }

  /** Whether every layer keeps everything as it is. */
  public boolean isPlain() {
    return base.isPlain() && rules.stream().allMatch(rule -> rule.policy().isPlain());
  }

  /**
   * The layers of a model under this policy.
   *
   * @param headDim channels a head
   * @param slidingWindows one a layer
   * @throws UnfitPolicyException if the policy does not fit: the layer, and the reason
   */
  public List<KvLayerSpec> resolve(int headDim, List<Integer> slidingWindows) {
    for (LayerRule rule : rules) {
      if (rule.last() >= slidingWindows.size()) {
        throw new UnfitPolicyException(
            "rule for layers %d-%d: the model has layers 0 to %d"
                .formatted(rule.first(), rule.last(), slidingWindows.size() - 1));
      }
    }
    List<KvLayerSpec> layers = new ArrayList<>();
    for (int i = 0; i < slidingWindows.size(); i++) {
      layers.add(resolve(i, headDim, slidingWindows.get(i)));
    }
    return layers;
  }

  private KvLayerSpec resolve(int layer, int headDim, int slidingWindow) {
    KvLayerPolicy policy = base;
    boolean mayYield = yielding;
    for (LayerRule rule : rules) {
      if (rule.contains(layer)) {
        policy = rule.policy();
        mayYield = false;
      }
    }
    try {
      policy.format().headByteSize(headDim);
      return new KvLayerSpec(policy, slidingWindow);
    } catch (IllegalArgumentException unfit) {
      if (mayYield) {
        return new KvLayerSpec(KvLayerPolicy.of(KvFormats.plain(DType.BF16)), slidingWindow);
      }
      throw new UnfitPolicyException("layer " + layer + ": " + unfit.getMessage());
    }
  }

  /** As a user would write it; rules follow as {@code layers 0-1: bf16}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(base.toString());
    for (LayerRule rule : rules) {
      text.append("; layers ").append(rule.first()).append('-').append(rule.last());
      text.append(": ").append(rule.policy());
    }
    return text.toString();
  }
}
