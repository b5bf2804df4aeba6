package io.vquant.engine.attention;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Errors of variants in several layers. */
public final class PrefillErrors {
  private final List<Integer> layers = new ArrayList<>();
  private final Map<PrefillVariant, List<HeadErrors>> errors = new LinkedHashMap<>();

  /** Adds what one layer gave. */
  public void add(int layer, Map<PrefillVariant, HeadErrors> ofLayer) {
    layers.add(layer);
    ofLayer.forEach(
        (variant, byHead) -> errors.computeIfAbsent(variant, _ -> new ArrayList<>()).add(byHead));
  }

  /** The layers, in the order they were added. */
  public List<Integer> layers() {
    return List.copyOf(layers);
  }

  /** What a variant gains over all low bit, in all layers. */
  public ErrorRatio ratio(PrefillVariant variant) {
    return ErrorRatio.of(all(variant.allLowBit()), all(variant));
  }

  /** What it gains in the layer that was added as number {@code index}. */
  public ErrorRatio ratio(PrefillVariant variant, int index) {
    return ErrorRatio.of(
        of(variant.allLowBit()).get(index).meanSquares(), of(variant).get(index).meanSquares());
  }

  /** The variant's mean squared error in the layer that was added as number {@code index}. */
  public double meanSquaredError(PrefillVariant variant, int index) {
    return Arrays.stream(of(variant).get(index).meanSquares()).average().orElseThrow();
  }

  /** The variant's mean squared error over all layers and heads. */
  public double meanSquaredError(PrefillVariant variant) {
    return Arrays.stream(all(variant)).average().orElseThrow();
  }

  /** Lines of a KV head, on the average over all layers. */
  public double meanLines(PrefillVariant variant) {
    return of(variant).stream().mapToDouble(HeadErrors::meanLines).average().orElse(0);
  }

  private double[] all(PrefillVariant variant) {
    return of(variant).stream().flatMapToDouble(e -> Arrays.stream(e.meanSquares())).toArray();
  }

  private List<HeadErrors> of(PrefillVariant variant) {
    List<HeadErrors> byLayer = errors.get(variant);
    if (byLayer == null) {
      throw new IllegalArgumentException(variant + " was not measured");
    }
    return byLayer;
  }
}
