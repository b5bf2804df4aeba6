// Writes keys and values of rows [rows, numKvHeads * headDim] into the hot tiles of a layer that packs: key = H k - mean, value = v or H v, in BF16. What the
// row decoded before left of attention weights is taken up first. Grid: (rows, KV heads), a thread a channel.
#include "../common/dtypes.cuh"
#include "../common/hadamard.cuh"
#include "../common/order.cuh"
#include "line_layer.cuh"

constexpr int MAX_HEAD_DIM = 256, TRANSFORM_KEYS = 1, TRANSFORM_VALUES = 2;

// Half of what FP16 holds, so that a key less the mean key still fits.
constexpr float MAX_MAGNITUDE = 65504.f / 2;

__device__ __forceinline__ void requireStorable(const LineLayer &layer, float x, int position, int head, int channel, bool isValue) {
  if (!(fabsf(x) <= MAX_MAGNITUDE))
    *layer.failure = make_uint4(position + 1, layer.index, (isValue ? 0x80000000u : 0u) | head << 16 | channel, __float_as_uint(x));
}

extern "C" __global__ void __launch_bounds__(MAX_HEAD_DIM)
    append_lines(const LineLayer *layers, const float *keys, long long keyStride, const float *values, long long valueStride, const int *startPosition,
                 int headDim, int transforms, float kept, int window) {
  __shared__ float row[MAX_HEAD_DIM];
  startAfterPrevious();
  LineLayer layer = *layers;
  int r = blockIdx.x, head = blockIdx.y, c = threadIdx.x, start = layer.hotStart();
  int position = *startPosition + r, slot = position - start;
  if (r == 0) {
    int pending = layer.pending[head];
    if (pending > 0) settleRow(layer, head, pending - 1, kept, window);
    __syncthreads();
    if (c == 0) layer.pending[head] = 0;
  }
  if (c == 0 && slot < layer.ringTokens) {
    int i = head * layer.ringTokens + slot;
    layer.hotTotal[i] = 0, layer.hotRows[i] = 0;
  }
  const unsigned long long *tiles = layer.tiles + SLAB_TILES;
  float x = c < headDim ? keys[r * keyStride + head * headDim + c] : 0.f;
  if (transforms & TRANSFORM_KEYS) {
    row[c] = x;
    hadamard(row, headDim);
    x = row[c];
  }
  if (c < headDim) {
    x = __fsub_rn(x, layer.mean[head * headDim + c]);
    requireStorable(layer, x, position, head, c, false);
    headKeys<bf16>(tiles, slot / PAGE_TOKENS, head, headDim)[c * PAGE_TOKENS + slot % PAGE_TOKENS] = fromFloat<bf16>(x);
  }
  x = c < headDim ? values[r * valueStride + head * headDim + c] : 0.f;
  if (transforms & TRANSFORM_VALUES) {
    __syncthreads();
    row[c] = x;
    hadamard(row, headDim);
    x = row[c];
  }
  if (c < headDim) {
    requireStorable(layer, x, position, head, c, true);
    headValues<bf16>(tiles, slot / PAGE_TOKENS, head, headDim)[slot % PAGE_TOKENS * headDim + c] = fromFloat<bf16>(x);
  }
}

// out [row][heads * headDim] = H x, head by head. Grid: (rows, heads), a thread a channel. `out` may be `x`.
extern "C" __global__ void __launch_bounds__(MAX_HEAD_DIM)
    hadamard_rows(float *out, long long outStride, const float *x, long long xStride, int headDim) {
  __shared__ float row[MAX_HEAD_DIM];
  startAfterPrevious();
  int c = threadIdx.x, at = blockIdx.y * headDim + c;
  row[c] = c < headDim ? x[blockIdx.x * xStride + at] : 0.f;
  hadamard(row, headDim);
  if (c < headDim) out[blockIdx.x * outStride + at] = row[c];
}

// The mean of a head's keys over the hot tokens, in double and in their order. Grid: KV heads, a thread a channel.
extern "C" __global__ void mean_key(const LineLayer *layers, int tokens, int headDim) {
  startAfterPrevious();
  LineLayer layer = *layers;
  int head = blockIdx.x, c = threadIdx.x;
  if (c >= headDim) return;
  double sum = 0;
  for (int first = 0; first < tokens; first += PAGE_TOKENS) {
    const bf16 *keys = headKeys<bf16>(layer.tiles + SLAB_TILES, first / PAGE_TOKENS, head, headDim) + c * PAGE_TOKENS;
    int count = min(PAGE_TOKENS, tokens - first);
#pragma unroll 8
    for (int t = 0; t < count; t++) sum += (double)toFloat(keys[t]);
  }
  layer.mean[head * headDim + c] = (float)(sum / tokens);
}

// Subtracts the mean from the hot keys. Grid: (hot tiles, KV heads).
extern "C" __global__ void subtract_mean(const LineLayer *layers, int tokens, int headDim) {
  startAfterPrevious();
  LineLayer layer = *layers;
  int tile = blockIdx.x, head = blockIdx.y, count = min(PAGE_TOKENS, tokens - tile * PAGE_TOKENS);
  bf16 *keys = headKeys<bf16>(layer.tiles + SLAB_TILES, tile, head, headDim);
  for (int i = threadIdx.x; i < headDim * PAGE_TOKENS; i += blockDim.x)
    if (i % PAGE_TOKENS < count) keys[i] = fromFloat<bf16>(__fsub_rn(toFloat(keys[i]), layer.mean[head * headDim + i / PAGE_TOKENS]));
}
