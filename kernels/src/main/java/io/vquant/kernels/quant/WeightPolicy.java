package io.vquant.kernels.quant;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a model's weights are kept. As text: {@code bf16} (as they are stored), {@code q8}, {@code
 * q4}, with the settings of {@link QuantScheme} and {@code head=} for embedding and output layer:
 * {@code q4,group=64,outliers=3,head=q8}; {@code head=bf16} keeps those two as they are stored.
 *
 * @param body the scheme of the matrices of the layers; empty: as stored
 * @param head the scheme of embedding and output layer; empty: as stored
 */
public record WeightPolicy(Optional<QuantScheme> body, Optional<QuantScheme> head) {

  /** Everything as it is stored. */
  public static final WeightPolicy STORED = new WeightPolicy(Optional.empty(), Optional.empty());

  private static final String STORED_NAME = "bf16";

  /**
   * Reads the text form.
   *
   * @throws IllegalArgumentException in one line if there is no such policy
   */
  public static WeightPolicy parse(String text) {
    String[] parts = text.split(",", -1);
    if (parts.length == 1 && parts[0].equals(STORED_NAME)) {
      return STORED;
    }
    QuantScheme scheme =
        QuantScheme.of(parts[0])
            .orElseThrow(() -> new IllegalArgumentException("expected bf16, q8 or q4"));
    String head = null;
    for (int i = 1; i < parts.length; i++) {
      String[] setting = parts[i].split("=", 2);
      if (setting.length < 2) {
        throw new IllegalArgumentException("setting " + parts[i] + ": expected name=value");
      }
      if (setting[0].equals("head")) {
        head = setting[1];
      } else {
        scheme = scheme.with(setting[0], setting[1]);
      }
    }
    return new WeightPolicy(Optional.of(scheme), head(head, scheme));
  }

  private static Optional<QuantScheme> head(@Nullable String name, QuantScheme body) {
    if (name == null || name.equals(body.name())) {
      return Optional.of(body);
    }
    if (name.equals(STORED_NAME)) {
      return Optional.empty();
    }
    QuantScheme other =
        QuantScheme.of(name)
            .orElseThrow(
                () -> new IllegalArgumentException("head=" + name + ": expected bf16, q8 or q4"));
    int group = other.bits() == CodeBits.EIGHT ? Math.min(64, body.group()) : body.group();
    return Optional.of(new QuantScheme(other.bits(), group, body.outlierSigmas()));
  }

  /** Whether anything is quantized. */
  public boolean quantizes() {
    return body.isPresent() || head.isPresent();
  }

  /**
   * The scheme of one matrix.
   *
   * @param name full, as in checkpoints
   */
  public Optional<QuantScheme> schemeOf(String name) {
    boolean isHead = name.equals("lm_head.weight") || name.equals("model.embed_tokens.weight");
    return isHead ? head : body;
  }

  /** The text form with all settings; {@link #parse} reads it back. */
  @Override
  public String toString() {
    if (body.isEmpty()) {
      return STORED_NAME;
    }
    String text = body.get().toString();
    return head.equals(body) ? text : text + ",head=" + head.map(QuantScheme::name).orElse("bf16");
  }
}
