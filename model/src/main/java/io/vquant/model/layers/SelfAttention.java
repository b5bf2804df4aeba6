package io.vquant.model.layers;

import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearGroup;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ModelConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Grouped-query attention over a cache (Ainslie et al. 2023), with rotary embedding unless the
 * layer has none, and with norms on each head of queries and keys where the family has them
 * (Qwen3).
 */
public final class SelfAttention {
  private final KernelBackend backend;
  private final LinearGroup qkvProj;
  private final Tensor[] queryKeyValue = new Tensor[3];
  private final LinearOperator oProj;
  private final @Nullable RmsNormOperator qNorm;
  private final @Nullable RmsNormOperator kNorm;
  private final @Nullable RotaryOperator rotary;
  private final CachedAttention attention;

  /**
   * @param parameters those of {@code self_attn}
   * @param rotary null for a layer without
   */
  public SelfAttention(
      KernelBackend backend,
      ModelConfig config,
      ParameterSource parameters,
      @Nullable RotaryOperator rotary,
      CachedAttention attention) {
    this.backend = backend;
    int hidden = config.hiddenSize();
    int queryColumns = config.queryColumns();
    int keyValueColumns = config.keyValueColumns();
    boolean qkvBias = config.biases().queryKeyValue();
    boolean outputBias = config.biases().attentionOutput();
    LinearOperator qProj =
        Linear.load(backend, parameters.child("q_proj"), queryColumns, hidden, qkvBias);
    LinearOperator kProj =
        Linear.load(backend, parameters.child("k_proj"), keyValueColumns, hidden, qkvBias);
    LinearOperator vProj =
        Linear.load(backend, parameters.child("v_proj"), keyValueColumns, hidden, qkvBias);
    qkvProj = backend.linearGroup(List.of(qProj, kProj, vProj));
    oProj = Linear.load(backend, parameters.child("o_proj"), hidden, queryColumns, outputBias);
    qNorm = headNorm(backend, config, parameters.child("q_norm"));
    kNorm = headNorm(backend, config, parameters.child("k_norm"));
    this.rotary = rotary;
    this.attention = attention;
  }

  private static @Nullable RmsNormOperator headNorm(
      KernelBackend backend, ModelConfig config, ParameterSource parameters) {
    return config.queryKeyNorm()
        ? backend.rmsNorm(
            parameters.vector("weight", config.headDim()), (float) config.rmsNormEps())
        : null;
  }

  /**
   * Adds the rows' keys and values to the cache and attends from each row.
   *
   * @param out {@code [rows, hiddenSize]}
   * @param x {@code [rows, hiddenSize]}, normed
   * @param startPosition position of row 0
   */
  void forward(
      Tensor out, Tensor x, KvLayer cache, KvFormat format, int startPosition, Scratch scratch) {
    int rows = x.rows();
    Tensor queries = scratch.queries().rows(rows);
    Tensor keys = scratch.keys().rows(rows);
    Tensor values = scratch.values().rows(rows);
    project(x, scratch);
    if (rotary != null) {
      rotary.forward(queries, startPosition);
      rotary.forward(keys, startPosition);
    }
    cache.append(keys, values, startPosition);
    Tensor attended = scratch.attended().rows(rows);
    attention.of(format).forward(attended, queries, cache, startPosition);
    oProj.forward(out, attended);
  }

  /**
   * The same for one row of each of several sequences.
   *
   * @param index of this layer in the caches
   */
  void decode(Tensor out, Tensor x, DecodeRows sequences, int index, Scratch scratch) {
    int rows = x.rows();
    Tensor allQueries = scratch.queries().rows(rows);
    Tensor allKeys = scratch.keys().rows(rows);
    Tensor allValues = scratch.values().rows(rows);
    Tensor attended = scratch.attended().rows(rows);
    project(x, scratch);
    if (rotary != null) {
      rotary.forward(allQueries, sequences.positions());
      rotary.forward(allKeys, sequences.positions());
    }
    backend.forEachRow(
        rows,
        row ->
            sequences
                .layer(row, index)
                .append(allKeys.rows(row, 1), allValues.rows(row, 1), sequences.position(row)));
    attendEach(attended, allQueries, sequences, index);
    oProj.forward(out, attended);
  }

  /** All rows at once, where their caches are of one format. */
  private void attendEach(Tensor attended, Tensor queries, DecodeRows sequences, int index) {
    KvFormat format = sequences.commonFormat(index);
    if (format != null) {
      attention
          .of(format)
          .decode(attended, queries, sequences.layers(index), sequences.positions());
      return;
    }
    for (int row = 0; row < queries.rows(); row++) {
      AttentionOperator operator = attention.of(sequences.format(row, index));
      KvLayer cache = sequences.layer(row, index);
      operator.forward(attended.rows(row, 1), queries.rows(row, 1), cache, sequences.position(row));
    }
  }

  /** Queries, keys and values into the scratch, normed where the family does so. */
  private void project(Tensor x, Scratch scratch) {
    int rows = x.rows();
    queryKeyValue[0] = scratch.queries().rows(rows);
    queryKeyValue[1] = scratch.keys().rows(rows);
    queryKeyValue[2] = scratch.values().rows(rows);
    qkvProj.forward(queryKeyValue, x);
    if (qNorm != null && kNorm != null) {
      Tensor queryHeads = scratch.queries().heads(rows);
      Tensor keyHeads = scratch.keys().heads(rows);
      qNorm.forward(queryHeads, queryHeads);
      kNorm.forward(keyHeads, keyHeads);
    }
  }
}
