package io.vquant.model;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.tensor.Tensor;

/**
 * What attention of one layer is computed from, for some consecutive positions.
 *
 * @param layer from 0
 * @param spec heads, scale and sliding window of this layer
 * @param startPosition position of row 0
 * @param queries {@code [rows, numQueryHeads * headDim]} F32, norms and rotary embedding applied
 * @param keys {@code [rows, numKvHeads * headDim]} F32, the same, before a cache rounds them
 * @param values the same shape
 */
public record AttentionInputs(
    int layer, AttentionSpec spec, int startPosition, Tensor queries, Tensor keys, Tensor values) {}
