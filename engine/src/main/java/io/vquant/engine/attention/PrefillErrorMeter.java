package io.vquant.engine.attention;

import io.vquant.engine.AttentionProbe;
import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.attention.LineCriterion;
import io.vquant.kernels.attention.ObservationScores;
import io.vquant.kernels.backend.PrefillAttentionOperator;
import io.vquant.kernels.reference.Float64Attention;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.AttentionInputs;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Measures the error of ways to compute a layer's prefill attention, by query head. */
public final class PrefillErrorMeter {
  private final AttentionProbe probe;
  private final Map<AttentionPrecision, PrefillAttentionOperator> operators = new HashMap<>();
  private @Nullable AttentionSpec operatorSpec;

  /** A meter whose low-bit attention runs on the probe's device. */
  public PrefillErrorMeter(AttentionProbe probe) {
    this.probe = probe;
  }

  /**
   * Mean squared errors of the attention output against float64.
   *
   * @return for each variant its errors
   */
  public Map<PrefillVariant, HeadErrors> measure(
      AttentionInputs layer, Collection<PrefillVariant> variants) {
    AttentionSpec spec = layer.spec();
    if (!spec.equals(operatorSpec)) {
      operatorSpec = spec;
      operators.clear();
    }
    double[][] exact = exact(layer);
    Map<Observation, double[][]> scores = new HashMap<>();
    Map<PrefillVariant, HeadErrors> errors = new LinkedHashMap<>();
    try (Arena arena = Arena.ofShared()) {
      Tensor out = output(arena, layer.queries());
      for (PrefillVariant variant : variants) {
        double lines = run(out, layer, variant, scores);
        errors.put(variant, new HeadErrors(meanSquares(out, exact), lines));
      }
    }
    return errors;
  }

  /** Which queries a score was taken from: the last of some rows before {@code end}. */
  private record Observation(LineCriterion criterion, int first, int end) {}

  /** Computes all rows, and returns the mean number of lines of a KV head. */
  private double run(
      Tensor out,
      AttentionInputs layer,
      PrefillVariant variant,
      Map<Observation, double[][]> scores) {
    PrefillAttentionOperator operator =
        operators.computeIfAbsent(
            variant.precision(), precision -> probe.operator(layer.spec(), precision));
    int tokens = layer.queries().rows();
    long lineSum = 0;
    int chunks = 0;
    for (int first = 0; first < tokens; ) {
      int rows = Math.min(variant.chunkRows(), tokens - first);
      int end = first + rows;
      Tensor q = layer.queries().rows(first, rows);
      Tensor k = layer.keys().rows(0, end);
      double[][] observed =
          scores.computeIfAbsent(
              new Observation(variant.lines().criterion(), first, end),
              key -> ObservationScores.of(key.criterion(), layer.spec(), q, k));
      int[][] lines = lines(variant, observed);
      operator.forward(out.rows(first, rows), q, k, layer.values().rows(0, end), lines);
      lineSum += Arrays.stream(lines).mapToInt(head -> head.length).sum();
      chunks++;
      first = end;
    }
    return (double) lineSum / chunks / layer.spec().numKvHeads();
  }

  private static int[][] lines(PrefillVariant variant, double[][] scores) {
    int[][] lines = new int[scores.length][];
    for (int head = 0; head < lines.length; head++) {
      lines[head] = variant.lines().lines(scores[head], variant.precision().window());
    }
    return lines;
  }

  private static double[][] exact(AttentionInputs layer) {
    AttentionSpec spec = layer.spec();
    double[][] byHead = new double[spec.numQueryHeads()][];
    IntStream.range(0, spec.numKvHeads())
        .parallel()
        .forEach(kvHead -> {
          Float64Attention attention =
              new Float64Attention(spec, kvHead, layer.queries(), layer.keys(), layer.values());
          for (int i = 0; i < spec.groupSize(); i++) {
            byHead[kvHead * spec.groupSize() + i] = attention.rows(i);
          }
        });
    return byHead;
  }

  private static double[] meanSquares(Tensor out, double[][] exact) {
    int headDim = out.columns() / exact.length;
    double[] means = new double[exact.length];
    for (int head = 0; head < means.length; head++) {
      double sum = 0;
      for (int row = 0; row < out.rows(); row++) {
        long at = out.rowByteOffset(row) / Float.BYTES + (long) head * headDim;
        for (int c = 0; c < headDim; c++) {
          double actual = out.segment().getAtIndex(ValueLayout.JAVA_FLOAT, at + c);
          double error = actual - exact[head][row * headDim + c];
          sum += error * error;
        }
      }
      means[head] = sum / exact[head].length;
    }
    return means;
  }

  private static Tensor output(Arena arena, Tensor like) {
    Layout layout = Layout.dense(like.rows(), like.columns());
    long byteSize = (long) Float.BYTES * like.rows() * like.columns();
    return new Tensor(new HostStorage(Device.CPU, arena.allocate(byteSize, 64)), DType.F32, layout);
  }
}
