// Decode attention (one query row) over a layer that packs, in one pass: packed pages by warps (packed_pages.cuh), then tiles of BF16 by the block
// (line_tiles.cuh); the last block of a KV head merges, and turns the tiles' scores into the attention weights that lines are chosen by.
// Grid: (splits, KV heads, sequences); the layer of a sequence is so many bytes from the first one's. At most 8 query heads a KV head.
#include "line_tiles.cuh"
#include "packed_pages.cuh"

constexpr int WARPS = PAGE_WARPS, THREADS = WARPS * WARP;
// A tile has about four times the bytes of a packed page.
constexpr int TILE_COST = 4;
// What the launcher asks for.
constexpr int TRANSFORM_QUERIES = 1, SQUARED_WEIGHTS = 2;

// What a block works on: tiles [beginTile, endTile), then pages [beginPage, endPage), counted from the first there is.
struct Share {
  int splits, beginTile, endTile, beginPage, endPage;

  // Small caches take fewer blocks: there is less to merge.
  __device__ Share(int tiles, int pages) {
    int tileCost = tiles * TILE_COST, cost = tileCost + pages;
    splits = min((int)gridDim.x, cost);
    int each = cost / splits, rest = cost % splits, split = blockIdx.x;
    int begin = each * split + min(split, rest), end = begin + each + (split < rest);
    beginTile = (min(begin, tileCost) + TILE_COST - 1) / TILE_COST, endTile = (min(end, tileCost) + TILE_COST - 1) / TILE_COST;
    beginPage = max(begin - tileCost, 0), endPage = max(end - tileCost, 0);
  }
};

// Queries [heads][D] into shared memory, transformed as keys are where asked for: a warp a head, neighbouring channels a lane.
template <int D> __device__ __forceinline__ void loadQueries(float *target, const float *q, int heads, bool transform) {
  constexpr int CHANNELS = D / WARP;
  int lane = threadIdx.x % WARP;
  for (int h = threadIdx.x / WARP; h < heads; h += WARPS) {
    float x[CHANNELS];
#pragma unroll
    for (int c = 0; c < CHANNELS; c++) x[c] = q[h * D + lane * CHANNELS + c];
    if (transform) {
#pragma unroll
      for (int step = 1; step < CHANNELS; step *= 2)
#pragma unroll
        for (int c = 0; c < CHANNELS; c++) {
          if (c & step) continue;
          float a = x[c], b = x[c + step];
          x[c] = a + b, x[c + step] = a - b;
        }
#pragma unroll
      for (int step = 1; step < WARP; step *= 2)
#pragma unroll
        for (int c = 0; c < CHANNELS; c++) {
          float other = __shfl_xor_sync(ALL_LANES, x[c], step);
          x[c] = lane & step ? other - x[c] : x[c] + other;
        }
#pragma unroll
      for (int c = 0; c < CHANNELS; c++) x[c] *= D == 64 ? 0.125f : 0.088388347648f;
    }
#pragma unroll
    for (int c = 0; c < CHANNELS; c++) target[h * D + lane * CHANNELS + c] = x[c];
  }
}

// The attention weights of lines and hot tokens, summed over the heads of a group; by the block that knows the row's maxima and sums.
__device__ __forceinline__ void observe(const LineLayer &layer, int kvHead, int heads, int position, const float (*stats)[2], bool squared) {
  if (position < layer.observedFrom) return;
  int slab = layer.slabTiles * PAGE_TOKENS, all = slab + layer.hotTiles * PAGE_TOKENS;
  const float *logits = layer.logits + (long long)kvHead * layer.logitTiles * PAGE_TOKENS * HEADS;
  constexpr int BATCH = 4;
  for (int base = threadIdx.x; base < all; base += BATCH * THREADS) {
    // All scores of a batch are on their way before the first is used.
    float raw[BATCH][HEADS];
#pragma unroll
    for (int b = 0; b < BATCH; b++)
#pragma unroll
      for (int h = 0; h < HEADS; h += 4)
        if (base + b * THREADS < all && h < heads) *(float4 *)&raw[b][h] = __ldcg((const float4 *)(logits + (long long)(base + b * THREADS) * HEADS + h));
#pragma unroll
    for (int b = 0; b < BATCH; b++) {
      int t = base + b * THREADS, slot = t - slab;
      if (t >= all) break;
      float sum = 0;
#pragma unroll
      for (int h = 0; h < HEADS; h++) {
        if (h >= heads) break;
        // Rounding must not give a weight above 1.
        float weight = fminf(exp2Fast(raw[b][h] - stats[h][0]) * stats[h][1], 1.f);
        sum += squared ? weight * weight : weight;
      }
      if (slot < 0) layer.slabSum[kvHead * SLAB_ROWS + t] = sum;
      else if (slot < layer.ringTokens) layer.hotSum[kvHead * layer.ringTokens + slot] = position - layer.hotStart() - slot > MIN_AGE ? sum : 0.f;
    }
  }
  if (threadIdx.x == 0) layer.pending[kvHead] = position + 1;
}

// One layer and one position a sequence.
template <int D, int KB, int KG, int VB, int VG>
__device__ void decode(float *out, const float *q, const LineLayer *layers, const long long *layerOffsets, const int *positions, float *partials, unsigned *counters, int groupSize, float scale,
                       int window, int options) {
  extern __shared__ __align__(128) uint8_t shared[];
  __shared__ bool isLast;
  __shared__ float stats[HEADS][2];
  using Shape = PageShape<D, KB, KG, VB, VG>;
  constexpr int WARP_BYTES = Shape::STAGES * Shape::PAGE, ROW = PARTIAL_FLOATS<D>;
  static_assert(TILE_STAGES * 4 * PAGE_TOKENS * D <= WARPS * WARP_BYTES, "tiles lie where pages were");
  startAfterPrevious();
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4, kvHead = blockIdx.y, sequence = blockIdx.z;
  int slot = sequence * gridDim.y + kvHead;
  q += (long long)slot * groupSize * D, out += (long long)slot * groupSize * D;
  const LineLayer &layer = *(const LineLayer *)((const uint8_t *)layers + (layerOffsets ? layerOffsets[sequence] : 0));
  int position = positions[sequence], first = firstVisible(position, window);
  Share share(layer.slabTiles + layer.hotTiles, layer.packedPages - layer.firstPage);
  if (blockIdx.x >= share.splits) return;
  float *queries = (float *)shared;
  uint8_t *stages = shared + groupSize * D * 4;
  // The first pages come while queries are prepared.
  PageStream<Shape> pages(layer, kvHead, share.beginPage, share.endPage, stages + warp * WARP_BYTES);
  loadQueries<D>(queries, q, groupSize, options & TRANSFORM_QUERIES && layer.isTransformed());
  __syncthreads();
  Softmax<D> state;
  state.clear();
  attendPages<Shape>(state, pages, PageQueries<Shape>(queries, groupSize, scale), first);
  __syncthreads();
  if (share.beginTile < share.endTile) {
    attendTiles<D>(state, stages, queries, groupSize, Tiles{layer, kvHead, position, first}, share.beginTile, share.endTile, scale);
    waitForCopies<0>();
    __syncthreads();
  }
#pragma unroll
  for (int i = 4; i < WARP; i *= 2)
    state.sum[0] += __shfl_xor_sync(ALL_LANES, state.sum[0], i), state.sum[1] += __shfl_xor_sync(ALL_LANES, state.sum[1], i);
  float *perWarp = (float *)shared;
#pragma unroll
  for (int j = 0; j < 2; j++) {
    int head = pair * 2 + j;
    if (head >= groupSize) continue;
    float *target = perWarp + (warp * groupSize + head) * ROW;
#pragma unroll
    for (int i = 0; i < D / 16; i++) target[i * 16 + row] = state.mixed[i][j], target[i * 16 + row + 8] = state.mixed[i][2 + j];
    if (row == 0) target[D] = state.largest[j], target[D + 1] = state.sum[j];
  }
  __syncthreads();
  if (!finish<D, WARPS, HEADS>(perWarp, groupSize, partials, counters, slot, blockIdx.x, share.splits, out, &isLast, stats)) return;
  __syncthreads();
  observe(layer, kvHead, groupSize, position, stats, options & SQUARED_WEIGHTS);
}

#define ENTRY(NAME, D, KB, KG, VB, VG)                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(THREADS, (PageShape<D, KB, KG, VB, VG>::BLOCKS_AN_SM))                                         \
      decode_packed_##NAME##_d##D(float *out, const float *q, const LineLayer *layers, const long long *layerOffsets, const int *positions, float *partials, unsigned *counters,           \
                                  int groupSize, float scale, int window, int options) {                                                                  \
    decode<D, KB, KG, VB, VG>(out, q, layers, layerOffsets, positions, partials, counters, groupSize, scale, window, options);                                            \
  }
ENTRY(k4v4g128, 128, 4, 128, 4, 128)
ENTRY(k4v4, 128, 4, 64, 4, 64)
ENTRY(k4v4, 64, 4, 64, 4, 64)
ENTRY(k8v4g128, 128, 8, 128, 4, 128)
ENTRY(k8v4, 128, 8, 64, 4, 64)
ENTRY(k8v4, 64, 8, 64, 4, 64)
ENTRY(k8v8g128, 128, 8, 128, 8, 128)
ENTRY(k8v8, 128, 8, 64, 8, 64)
ENTRY(k8v8, 64, 8, 64, 8, 64)
