package io.vquant.model.layers;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.model.ModelConfig;

/**
 * The activations inside a layer, for one chunk of rows. All layers write over each other here;
 * only the residual stream outlives a layer.
 *
 * @param normed input of attention or MLP {@code [rows, hiddenSize]}
 * @param queries {@code [rows, numAttentionHeads * headDim]}
 * @param keys {@code [rows, numKeyValueHeads * headDim]}
 * @param values the same shape
 * @param attended as queries
 * @param gate {@code [rows, intermediateSize]}
 * @param up the same shape
 * @param delta what attention or MLP adds to the residual stream {@code [rows, hiddenSize]}
 */
public record Scratch(
    RowBuffer normed,
    RowBuffer queries,
    RowBuffer keys,
    RowBuffer values,
    RowBuffer attended,
    RowBuffer gate,
    RowBuffer up,
    RowBuffer delta) {

  /** Buffers of {@code rows} rows, freed with the backend. */
  public static Scratch allocate(KernelBackend backend, ModelConfig config, int rows) {
    int headDim = config.headDim();
    return new Scratch(
        new RowBuffer(backend, rows, config.hiddenSize()),
        new RowBuffer(backend, rows, config.queryColumns(), headDim),
        new RowBuffer(backend, rows, config.keyValueColumns(), headDim),
        new RowBuffer(backend, rows, config.keyValueColumns(), headDim),
        new RowBuffer(backend, rows, config.queryColumns()),
        new RowBuffer(backend, rows, config.intermediateSize()),
        new RowBuffer(backend, rows, config.intermediateSize()),
        new RowBuffer(backend, rows, config.hiddenSize()));
  }
}
