package io.vquant.model.config;

import java.util.Arrays;
import java.util.Optional;

/** How far a layer looks back, by the names of {@code layer_types}. */
public enum LayerType {
  FULL("full_attention"),
  SLIDING("sliding_attention");

  private final String code;

  LayerType(String code) {
    this.code = code;
  }

  public static Optional<LayerType> of(String code) {
    return Arrays.stream(values()).filter(type -> type.code.equals(code)).findFirst();
  }

  public String code() {
    return code;
  }
}
