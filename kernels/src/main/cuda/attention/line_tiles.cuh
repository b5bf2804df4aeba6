// Attention of one query row over the tiles of BF16 of a layer that packs (its lines and its newest tokens). All four warps of a block take a tile together,
// with queries and weights in two BF16 halves, and leave its scores for the choice of lines.
#pragma once
#include "../common/cp_async.cuh"
#include "../kvcache/line_layer.cuh"
#include "tile_scores.cuh"

constexpr int HEADS = LOGIT_HEADS, TILE_STAGES = 2, TILE_THREADS = 4 * WARP;

// The tiles of a layer, those of the slab first, and which of their tokens this query does not see.
struct Tiles {
  const LineLayer &layer;
  int kvHead, position, first;

  __device__ __forceinline__ unsigned long long address(int tile) const { return layer.tiles[tile < layer.slabTiles ? tile : SLAB_TILES + tile - layer.slabTiles]; }
  // Of 16 tokens from `from` on; the whole warp calls.
  __device__ __forceinline__ unsigned dead(int tile, int from) const {
    if (tile >= layer.slabTiles) return (unsigned)(outside(layer.hotStart() + (tile - layer.slabTiles) * PAGE_TOKENS, first, position) >> from) & 0xffffu;
    unsigned mask = (unsigned)(layer.slabDead[kvHead * SLAB_TILES + tile] >> from) & 0xffffu;
    if (first == 0) return mask;
    int lane = threadIdx.x % WARP;
    return mask | (__ballot_sync(ALL_LANES, layer.slabPosition[kvHead * SLAB_ROWS + tile * PAGE_TOKENS + from + lane % 16] < first) & 0xffffu);
  }
};

// Tiles [begin, end): keys transposed [D][64], values [64][D], 16 tokens a warp. `shared` has room for TILE_STAGES of them, and begins to be written at once.
template <int D>
__device__ __forceinline__ void attendTiles(Softmax<D> &state, uint8_t *shared, const float *q, int heads, const Tiles tiles, int begin, int end, float scale) {
  constexpr int SIDE = PAGE_TOKENS * D * 2, TILE = 2 * SIDE, V_CHUNKS = D / 8;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  uint32_t target = sharedAddress(shared);
  // What says where tiles are and what is dead in them is read a tile ahead.
  unsigned long long upcoming = tiles.address(begin);
  unsigned dead = tiles.dead(begin, warp * 16);
  auto fetch = [&](int tile, int stage) {
    const uint8_t *source = (const uint8_t *)upcoming + 2ll * tiles.kvHead * SIDE;
    if (tile + 1 < end) upcoming = tiles.address(tile + 1);
    for (int c = threadIdx.x; c < SIDE / 16; c += TILE_THREADS) {
      copyAsync(target + stage * TILE + place<8>(c / 8, c % 8), source + c * 16);
      copyAsync(target + stage * TILE + SIDE + place<V_CHUNKS>(c / V_CHUNKS, c % V_CHUNKS), source + SIDE + c * 16);
    }
  };
  fetch(begin, 0);
  commitCopies();
  uint32_t high[D / 16][2], low[D / 16][2];
#pragma unroll
  for (int k = 0; k < D / 16; k++)
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const float *x = q + row * D + k * 16 + pair * 2 + i * 8;
      bool present = row < heads;
      splitPair(present ? x[0] * scale : 0.f, present ? x[1] * scale : 0.f, high[k][i], low[k][i]);
    }
  for (int tile = begin; tile < end; tile++) {
    waitForCopies<0>();
    __syncthreads();
    int stage = (tile - begin) % TILE_STAGES;
    if (tile + 1 < end) fetch(tile + 1, 1 - stage);
    commitCopies();
    unsigned mask = dead;
    if (tile + 1 < end) dead = tiles.dead(tile + 1, warp * 16);
    uint8_t *values = shared + stage * TILE + SIDE;
    if (mask) {
      // Unused rows may hold anything, NaN included: weights of zero would not silence it.
      for (int i = lane; i < 16 * V_CHUNKS; i += WARP)
        if (mask >> (i / V_CHUNKS) & 1) *(uint4 *)(values + place<V_CHUNKS>(warp * 16 + i / V_CHUNKS, i % V_CHUNKS)) = make_uint4(0, 0, 0, 0);
      __syncwarp();
    }
    float score[4] = {0, 0, 0, 0};
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      uint32_t a[4];
      loadMatricesTransposed(a, target + stage * TILE + place<8>(k * 16 + lane / 16 * 8 + lane % 8, warp * 2 + lane / 8 % 2));
      mma<bf16>(score, a, high[k][0], high[k][1]);
      mma<bf16>(score, a, low[k][0], low[k][1]);
    }
    if (mask >> row & 1) score[0] = score[1] = NOTHING;
    if (mask >> (row + 8) & 1) score[2] = score[3] = NOTHING;
    float *logits = tiles.layer.logits + (((long long)tiles.kvHead * tiles.layer.logitTiles + tile) * PAGE_TOKENS + warp * 16 + row) * HEADS + pair * 2;
    *(float2 *)logits = make_float2(score[0], score[1]), *(float2 *)(logits + 8 * HEADS) = make_float2(score[2], score[3]);
    float shrink[2];
    state.raise(fmaxf(score[0], score[2]), fmaxf(score[1], score[3]), shrink);
    float p[4];
#pragma unroll
    for (int i = 0; i < 4; i++) p[i] = score[i] == NOTHING ? 0.f : exp2Fast(score[i] - state.largest[i % 2]);
    state.sum[0] += p[0] + p[2], state.sum[1] += p[1] + p[3];
    uint32_t pHigh[2], pLow[2];
#pragma unroll
    for (int i = 0; i < 2; i++) {
      splitPair(p[2 * i], p[2 * i + 1], pHigh[i], pLow[i]);
      pHigh[i] = transposePair(pHigh[i]), pLow[i] = transposePair(pLow[i]);
    }
#pragma unroll
    for (int i = 0; i < D / 16; i++) {
      uint32_t a[4];
      loadMatricesTransposed(a, target + stage * TILE + SIDE + place<V_CHUNKS>(warp * 16 + lane / 16 * 8 + lane % 8, i * 2 + lane / 8 % 2));
      mma<bf16>(state.mixed[i], a, pHigh[0], pHigh[1]);
      mma<bf16>(state.mixed[i], a, pLow[0], pLow[1]);
    }
  }
}
