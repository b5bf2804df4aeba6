// Attention over layers that pack in float32 arithmetic, in any format and for any head size up to 256. `attention_lines_any`: a block a row and query head,
// tile after tile with an online softmax; a row's result does not depend on the other rows. `observe_lines`: of the observed rows, the attention weights of
// lines and hot tokens, once the rows' maxima and sums are known.
#include "../common/hadamard.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"
#include "../kvcache/codecs/packed_side.cuh"
#include "../kvcache/line_layer.cuh"

constexpr int THREADS = 256, MAX_HEAD_DIM = 256, PARTS = THREADS / PAGE_TOKENS;

// q is transformed as the keys are. stats [rows][heads]: maximum of the scores (base 2) and sum of the weights. Grid: (rows, query heads).
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    attention_lines_any(float *out, long long outStride, const float *q, long long qStride, const LineLayer *layers, const int *startPosition, float2 *stats,
                        int groupSize, int headDim, float scale, int window, int transformValues, int keyBits, int keyGroup, int valueBits, int valueGroup,
                        int keyByteSize, int headByteSize) {
  __shared__ float query[MAX_HEAD_DIM], part[THREADS], weight[PAGE_TOKENS], scratch[WARP];
  startAfterPrevious();
  const LineLayer &layer = *layers;
  PackedFormat format{keyBits, keyGroup, valueBits, valueGroup, keyByteSize, headByteSize};
  int head = blockIdx.y, kvHead = head / groupSize, position = *startPosition + (int)blockIdx.x, first = firstVisible(position, window);
  int c = threadIdx.x, slot = threadIdx.x % PAGE_TOKENS;
  query[c] = c < headDim ? q[blockIdx.x * qStride + head * headDim + c] : 0.f;
  float largest = -INFINITY, sum = 0, mixed = 0;
  __syncthreads();
  // One tile: `dead` tokens are not seen.
  auto attend = [&](unsigned long long dead, auto key, auto value) {
    bool seen = (dead >> slot & 1) == 0;
    float dot = 0;
    for (int i = threadIdx.x / PAGE_TOKENS; seen && i < headDim; i += PARTS) dot = fmaf(query[i], key(slot, i), dot);
    part[threadIdx.x] = dot;
    __syncthreads();
    float score = -INFINITY;
    if (seen && threadIdx.x < PAGE_TOKENS) score = ((part[slot] + part[slot + 64]) + (part[slot + 128] + part[slot + 192])) * scale;
    float newLargest = fmaxf(largest, blockMax(score, scratch));
    if (newLargest == -INFINITY) return;
    float shrink = exp2f(largest - newLargest), p = score == -INFINITY ? 0.f : exp2f(score - newLargest);
    if (threadIdx.x < PAGE_TOKENS) weight[slot] = p;
    sum = sum * shrink + blockSum(p, scratch);
    largest = newLargest;
    if (c < headDim) {
      float o = mixed * shrink;
      for (int t = 0; t < PAGE_TOKENS; t++)
        if ((dead >> t & 1) == 0) o = fmaf(weight[t], value(t, c), o);
      mixed = o;
    }
    __syncthreads();
  };
  auto plain = [&](unsigned long long dead, int tile) {
    const bf16 *keys = headKeys<bf16>(layer.tiles, tile, kvHead, headDim), *values = headValues<bf16>(layer.tiles, tile, kvHead, headDim);
    attend(dead, [&](int t, int i) { return toFloat(keys[i * PAGE_TOKENS + t]); }, [&](int t, int i) { return toFloat(values[t * headDim + i]); });
  };
  for (int page = max(layer.firstPage, first / PAGE_TOKENS); page < layer.packedPages; page++) {
    PackedSide keys(format, layer.pages[page], kvHead, headDim, false), values(format, layer.pages[page], kvHead, headDim, true);
    unsigned long long dead = layer.lineMasks[kvHead * layer.maxPages + page] | outside(page * PAGE_TOKENS, first, position);
    attend(dead, [&](int t, int i) { return keys.element(t, i); }, [&](int t, int i) { return values.element(t, i); });
  }
  for (int tile = 0; tile < layer.slabTiles; tile++) {
    unsigned long long dead = layer.slabDead[kvHead * SLAB_TILES + tile];
    if (first > 0)
      for (int r = 0; r < PAGE_TOKENS; r++)
        if (layer.slabPosition[kvHead * SLAB_ROWS + tile * PAGE_TOKENS + r] < first) dead |= 1ull << r;
    plain(dead, tile);
  }
  for (int tile = max(0, (first - layer.hotStart()) / PAGE_TOKENS); tile <= (position - layer.hotStart()) / PAGE_TOKENS; tile++)
    plain(outside(layer.hotStart() + tile * PAGE_TOKENS, first, position), SLAB_TILES + tile);
  if (threadIdx.x == 0) stats[(long long)blockIdx.x * gridDim.y + head] = make_float2(largest, sum);
  float result = mixed / sum;
  if (transformValues && layer.isTransformed()) {
    __syncthreads();
    query[c] = c < headDim ? result : 0.f;
    hadamard(query, headDim);
    result = query[c];
  }
  if (c < headDim) out[blockIdx.x * outStride + head * headDim + c] = result;
}

// Adds to `sums` [kvHeads][sumStride] (hot tokens) and the layer's slabSum; or, where sums is null, sets what one decoded row left. Rows are those of q from
// `firstRow` on. Grid: (tiles of the slab, then hot tiles; KV heads).
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    observe_lines(const float *q, long long qStride, const LineLayer *layers, const int *startPosition, const float2 *stats, float *sums, int sumStride,
                  int firstRow, int rows, int groupSize, int headDim, float scale, int window, int squared) {
  extern __shared__ __align__(16) uint8_t shared[];
  __shared__ float part[THREADS];
  startAfterPrevious();
  const LineLayer &layer = *layers;
  int kvHead = blockIdx.y, heads = gridDim.y * groupSize, start = *startPosition, slot = threadIdx.x % PAGE_TOKENS, own = threadIdx.x / PAGE_TOKENS;
  bool isSlab = (int)blockIdx.x < layer.slabTiles;
  int hotTile = blockIdx.x - layer.slabTiles, tile = isSlab ? blockIdx.x : SLAB_TILES + hotTile;
  if (hotTile >= layer.hotTiles || (!sums && start < layer.observedFrom)) return;
  bf16 *keys = (bf16 *)shared;
  const bf16 *from = headKeys<bf16>(layer.tiles, tile, kvHead, headDim);
  for (int i = threadIdx.x; i < PAGE_TOKENS * headDim / 8; i += THREADS) ((uint4 *)keys)[i] = ((const uint4 *)from)[i];
  __syncthreads();
  int at = kvHead * SLAB_ROWS + tile * PAGE_TOKENS + slot;
  int token = isSlab ? layer.slabPosition[at] : layer.hotStart() + hotTile * PAGE_TOKENS + slot;
  // A key that was read serves several queries.
  constexpr int BATCH = 8;
  int pairs = (rows - firstRow) * groupSize;
  bool aligned = ((unsigned long long)q | qStride * 4) % 16 == 0;
  float sum = 0;
  for (int base = own * BATCH; base < pairs; base += PARTS * BATCH) {
    const float *query[BATCH];
    float dot[BATCH] = {};
#pragma unroll
    for (int b = 0; b < BATCH; b++) {
      int i = min(base + b, pairs - 1);
      query[b] = q + (firstRow + i / groupSize) * qStride + (kvHead * groupSize + i % groupSize) * headDim;
    }
    for (int c = 0; c < headDim; c += 4) {
      float key[4];
#pragma unroll
      for (int j = 0; j < 4; j++) key[j] = toFloat(keys[(c + j) * PAGE_TOKENS + slot]);
#pragma unroll
      for (int b = 0; b < BATCH; b++) {
        const float *from = query[b] + c;
        float4 x = aligned ? *(const float4 *)from : make_float4(from[0], from[1], from[2], from[3]);
        dot[b] = fmaf(x.w, key[3], fmaf(x.z, key[2], fmaf(x.y, key[1], fmaf(x.x, key[0], dot[b]))));
      }
    }
#pragma unroll
    for (int b = 0; b < BATCH; b++) {
      int row = firstRow + (base + b) / groupSize, head = kvHead * groupSize + (base + b) % groupSize, age = start + row - token;
      bool counts = isSlab ? token != NO_LINE && age < window : age > MIN_AGE && age < window;
      if (base + b >= pairs || !counts) continue;
      float2 stat = stats[(long long)row * heads + head];
      // Rounding must not give a weight above 1.
      float weight = fminf(exp2f(dot[b] * scale - stat.x) / stat.y, 1.f);
      sum += squared ? weight * weight : weight;
    }
  }
  part[threadIdx.x] = sum;
  __syncthreads();
  if (own > 0) return;
  sum = (part[slot] + part[slot + 64]) + (part[slot + 128] + part[slot + 192]);
  if (isSlab) {
    layer.slabSum[at] = sums ? layer.slabSum[at] + sum : sum;
  } else {
    int index = hotTile * PAGE_TOKENS + slot;
    if (sums) sums[(long long)kvHead * sumStride + index] += sum;
    else if (index < layer.ringTokens) layer.hotSum[kvHead * layer.ringTokens + index] = sum;
  }
  if (!sums && threadIdx.x == 0) layer.pending[kvHead] = start + rows;
}
