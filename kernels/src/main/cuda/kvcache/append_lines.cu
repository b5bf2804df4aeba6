// Writes keys and values of rows [rows, numKvHeads * headDim] into the hot tiles of a layer that packs: key = H k - mean, value = v or H v, in BF16. What the
// row decoded before left of attention weights is taken up first. Rows follow one another, or are one of each of several sequences, whose layers are so many bytes
// from the first. Grid: (rows, KV heads), a thread a channel.
#include "../common/dtypes.cuh"
#include "../common/hadamard.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"
#include "line_layer.cuh"

constexpr int MAX_HEAD_DIM = 256, TRANSFORM_KEYS = 1, TRANSFORM_VALUES = 2;

// Half of what FP16 holds, so that a key less the mean key still fits.
constexpr float MAX_MAGNITUDE = 65504.f / 2;

// Codes must hold a row whatever the transform makes of it: no channel exceeds its norm. All threads call.
__device__ __forceinline__ void requireStorable(const LineLayer &layer, float x, int position, int head, int channel, bool isValue, bool transforms) {
  unsigned side = (isValue ? 0x80000000u : 0u) | head << 16;
  if (!(fabsf(x) <= MAX_MAGNITUDE)) *layer.failure = make_uint4(position + 1, layer.index, side | channel, __float_as_uint(x));
  // A head has at most 256 channels: its norm is at most 16 times the largest.
  if (!transforms || !__syncthreads_or(fabsf(x) > MAX_MAGNITUDE / 16)) return;
  __shared__ float scratch[WARP];
  float norm = sqrtf(blockSum(x * x, scratch));
  if (norm > MAX_MAGNITUDE && channel == 0) *layer.failure = make_uint4(position + 1, layer.index, side | 0xffffu, __float_as_uint(norm));
}

extern "C" __global__ void __launch_bounds__(MAX_HEAD_DIM)
    append_lines(const LineLayer *layers, const long long *layerOffsets, const float *keys, long long keyStride, const float *values, long long valueStride,
                 const int *positions, int headDim, int transforms, float kept, int window) {
  __shared__ float row[MAX_HEAD_DIM];
  startAfterPrevious();
  int r = blockIdx.x, head = blockIdx.y, c = threadIdx.x;
  LineLayer layer = *(const LineLayer *)((const uint8_t *)layers + (layerOffsets ? layerOffsets[r] : 0));
  int start = layer.hotStart(), position = layerOffsets ? positions[r] : *positions + r, slot = position - start;
  if (layerOffsets || r == 0) {
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
  requireStorable(layer, x, position, head, c, false, transforms & TRANSFORM_KEYS);
  if (layer.isTransformed() && transforms & TRANSFORM_KEYS) {
    row[c] = x;
    hadamard(row, headDim);
    x = row[c];
  }
  if (c < headDim) {
    if (layer.isTransformed()) x = __fsub_rn(x, layer.mean[head * headDim + c]);
    headKeys<bf16>(tiles, slot / PAGE_TOKENS, head, headDim)[c * PAGE_TOKENS + slot % PAGE_TOKENS] = fromFloat<bf16>(x);
  }
  x = c < headDim ? values[r * valueStride + head * headDim + c] : 0.f;
  requireStorable(layer, x, position, head, c, true, transforms & TRANSFORM_KEYS);
  if (layer.isTransformed() && transforms & TRANSFORM_VALUES) {
    __syncthreads();
    row[c] = x;
    hadamard(row, headDim);
    x = row[c];
  }
  if (c < headDim) {
    headValues<bf16>(tiles, slot / PAGE_TOKENS, head, headDim)[slot % PAGE_TOKENS * headDim + c] = fromFloat<bf16>(x);
  }
}

// out [row][heads * headDim] = H x, head by head; or x where a layer is given that is not transformed. Grid: (rows, heads), a thread a channel. `out` may be `x`.
extern "C" __global__ void __launch_bounds__(MAX_HEAD_DIM)
    hadamard_rows(float *out, long long outStride, const float *x, long long xStride, int headDim, const LineLayer *layer) {
  __shared__ float row[MAX_HEAD_DIM];
  startAfterPrevious();
  int c = threadIdx.x, at = blockIdx.y * headDim + c;
  row[c] = c < headDim ? x[blockIdx.x * xStride + at] : 0.f;
  if (!layer || layer->isTransformed()) hadamard(row, headDim);
  if (c < headDim) out[blockIdx.x * outStride + at] = row[c];
}

// When keys are first packed, the hot tokens are transformed, and the mean of their keys is fixed: sums in double, tile by tile, then over the tiles.

// sums [tiles][KV heads][headDim] of H k. Grid: (hot tiles, KV heads), a thread a channel.
extern "C" __global__ void __launch_bounds__(MAX_HEAD_DIM) sum_keys(const LineLayer *layers, double *sums, int tokens, int headDim, int transforms) {
  __shared__ float row[MAX_HEAD_DIM];
  startAfterPrevious();
  const LineLayer &layer = *layers;
  int tile = blockIdx.x, head = blockIdx.y, c = threadIdx.x, count = min(PAGE_TOKENS, tokens - tile * PAGE_TOKENS);
  const bf16 *keys = headKeys<bf16>(layer.tiles + SLAB_TILES, tile, head, headDim) + c * PAGE_TOKENS;
  double sum = 0;
  for (int t = 0; t < count; t++) {
    row[c] = c < headDim ? toFloat(keys[t]) : 0.f;
    if (transforms & TRANSFORM_KEYS) hadamard(row, headDim);
    sum += (double)row[c];
  }
  if (c < headDim) sums[((long long)tile * gridDim.y + head) * headDim + c] = sum;
}

// Grid: KV heads, a thread a channel.
extern "C" __global__ void mean_key(const LineLayer *layers, const double *sums, int tiles, int tokens, int headDim) {
  startAfterPrevious();
  int head = blockIdx.x, c = threadIdx.x;
  if (c >= headDim) return;
  double sum = 0;
  for (int tile = 0; tile < tiles; tile++) sum += sums[((long long)tile * gridDim.x + head) * headDim + c];
  layers->mean[head * headDim + c] = (float)(sum / tokens);
}

// Grid: (hot tiles, KV heads), a thread a channel.
extern "C" __global__ void __launch_bounds__(MAX_HEAD_DIM) transform_tiles(const LineLayer *layers, int tokens, int headDim, int transforms) {
  __shared__ float row[MAX_HEAD_DIM];
  startAfterPrevious();
  const LineLayer &layer = *layers;
  int tile = blockIdx.x, head = blockIdx.y, c = threadIdx.x, count = min(PAGE_TOKENS, tokens - tile * PAGE_TOKENS);
  bf16 *keys = headKeys<bf16>(layer.tiles + SLAB_TILES, tile, head, headDim) + c * PAGE_TOKENS;
  bf16 *values = headValues<bf16>(layer.tiles + SLAB_TILES, tile, head, headDim) + c;
  float mean = c < headDim ? layer.mean[head * headDim + c] : 0.f;
  for (int t = 0; t < count; t++) {
    row[c] = c < headDim ? toFloat(keys[t]) : 0.f;
    if (transforms & TRANSFORM_KEYS) hadamard(row, headDim);
    if (c < headDim) keys[t] = fromFloat<bf16>(__fsub_rn(row[c], mean));
    if (!(transforms & TRANSFORM_VALUES)) continue;
    __syncthreads();
    row[c] = c < headDim ? toFloat(values[t * headDim]) : 0.f;
    hadamard(row, headDim);
    if (c < headDim) values[t * headDim] = fromFloat<bf16>(row[c]);
  }
}
