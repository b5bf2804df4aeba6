// Decode attention (one query row) over a cache of packed pages and 16-bit tiles, in one pass. Packed pages (4-bit keys and values, FP16 scales and zeros a
// token and group of channels: GroupLayout.java) go to one warp each, several under way by asynchronous copies; codes are unpacked in registers and multiplied
// on tensor cores, S^T = K Q^T and O^T = V^T P^T with the query heads of a group as columns, so every packed byte is read once. Tiles of BF16 (the lines and
// the newest tokens) go to all four warps together, with queries and weights in two BF16 halves. Dead tokens are marked in 64-bit masks.
// Grid: (splits, KV heads, sequences). At most 8 query heads a KV head.
#include "../common/cp_async.cuh"
#include "../kvcache/codecs/int4.cuh"
#include "../kvcache/plain_pages.cuh"
#include "tile_scores.cuh"

constexpr int WARPS = 4, THREADS = WARPS * WARP, HEADS = 8, STAGES = 3, TILE_STAGES = 2;
// A tile has about four times the bytes of a packed page.
constexpr int TILE_COST = 4;

// One side of one head of a page: codes, scales, zeros.
template <int D, int GROUP_CHANNELS> struct Side {
  static constexpr int GROUPS = D / GROUP_CHANNELS, CODES = PAGE_TOKENS * D / 2, SCALES = GROUPS * PAGE_TOKENS * 2;
  static constexpr int BYTES = CODES + (2 * SCALES + 127) / 128 * 128;
};

// What a block works on: tiles [beginTile, endTile), then pages [beginPage, endPage).
struct Share {
  int beginTile, endTile, beginPage, endPage;

  int splits;

  // Small caches take fewer blocks: there is less to merge.
  __device__ Share(int tiles, int pages) {
    int tileCost = tiles * TILE_COST, cost = tileCost + pages;
    splits = min((int)gridDim.x, cost);
    int begin = (int)((long long)cost * blockIdx.x / splits), end = (int)((long long)cost * (blockIdx.x + 1) / splits);
    beginTile = (min(begin, tileCost) + TILE_COST - 1) / TILE_COST, endTile = (min(end, tileCost) + TILE_COST - 1) / TILE_COST;
    beginPage = max(begin - tileCost, 0), endPage = max(end - tileCost, 0);
  }
};

// Tiles of BF16: keys transposed [D][64], values [64][D], 16 tokens a warp.
template <int D>
__device__ void attendTiles(Softmax<D> &state, uint8_t *shared, const float *q, int heads, const unsigned long long *tiles, const unsigned long long *dead, int kvHead, Share share, float scale) {
  constexpr int SIDE = PAGE_TOKENS * D * 2, TILE = 2 * SIDE, V_CHUNKS = D / 8;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  uint32_t target = sharedAddress(shared);
  auto fetch = [&](int tile, int stage) {
    const uint8_t *source = (const uint8_t *)headKeys<bf16>(tiles, tile, kvHead, D);
    for (int c = threadIdx.x; c < SIDE / 16; c += THREADS) {
      copyAsync(target + stage * TILE + place<8>(c / 8, c % 8), source + c * 16);
      copyAsync(target + stage * TILE + SIDE + place<V_CHUNKS>(c / V_CHUNKS, c % V_CHUNKS), source + SIDE + c * 16);
    }
  };
  if (share.beginTile < share.endTile) fetch(share.beginTile, 0);
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
  for (int tile = share.beginTile; tile < share.endTile; tile++) {
    waitForCopies<0>();
    __syncthreads();
    int stage = (tile - share.beginTile) % TILE_STAGES;
    if (tile + 1 < share.endTile) fetch(tile + 1, 1 - stage);
    commitCopies();
    unsigned mask = (unsigned)(dead[tile] >> (warp * 16)) & 0xffffu;
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
    float none[2] = {0, 0};
    state.raise(fmaxf(score[0], score[2]), fmaxf(score[1], score[3]), none);
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
  waitForCopies<0>();
  __syncthreads();
}

// Packed pages, a warp each. `own` is this warp's shared memory: STAGES pages, then weights [64 tokens][8 heads] in F16.
template <int D, int KG, int VG>
__device__ void attendPages(Softmax<D> &state, uint8_t *own, const float *q, int heads, const unsigned long long *pages, const unsigned long long *dead, int kvHead, Share share, float scale) {
  using K = Side<D, KG>;
  using V = Side<D, VG>;
  constexpr int PAGE = K::BYTES + V::BYTES, WORDS = D / 32, P_ROW = 16;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  uint8_t *weights = own + STAGES * PAGE;
  uint32_t target = sharedAddress(own);
  int first = share.beginPage + warp, count = first < share.endPage ? (share.endPage - first + WARPS - 1) / WARPS : 0;
  // Addresses are read a page ahead of the copies, so that no copy waits for one.
  auto address = [&](int i) { return i < count ? pages[first + i * WARPS] + (long long)kvHead * PAGE : 0ull; };
  unsigned long long upcoming = address(0);
  auto fetch = [&](int i, int stage) {
    const uint8_t *source = (const uint8_t *)upcoming;
    upcoming = address(i + 1);
#pragma unroll
    for (int c = 0; c < (PAGE / 16 + WARP - 1) / WARP; c++)
      if (PAGE % (16 * WARP) == 0 || c * WARP + lane < PAGE / 16) copyAsync(target + stage * PAGE + (c * WARP + lane) * 16, source + (c * WARP + lane) * 16);
  };
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (s < count) fetch(s, s);
    commitCopies();
  }
  // Q^T as F16: the pairs of a word of codes, a sixteenth where codes come times 16. A head's queries are divided by a power of two so that F16 holds them.
  uint32_t queries[WORDS][4];
  float factor[2], sumOfGroup[K::GROUPS][2], offsetOfGroup[K::GROUPS][2];
  {
    float x[WORDS][8], most = 0;
#pragma unroll
    for (int w = 0; w < WORDS; w++)
#pragma unroll
      for (int i = 0; i < 8; i++) {
        x[w][i] = row < heads ? q[row * D + (pair * WORDS + w) * 8 + i] * scale : 0.f;
        most = fmaxf(most, fabsf(x[w][i]));
      }
    most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 1)), most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 2));
    float divisor = most > 256.f && most < INFINITY ? exp2f(ceilf(log2f(most)) - 8.f) : 1.f, inverse = 1.f / divisor;
    float sum[K::GROUPS] = {}, offset[K::GROUPS] = {};
#pragma unroll
    for (int w = 0; w < WORDS; w++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        float shrink = i % 2 ? inverse / 16.f : inverse;
        queries[w][i] = pack<f16>(x[w][i] * shrink, x[w][i + 4] * shrink);
        float2 rounded = __half22float2(*(__half2 *)&queries[w][i]);
#pragma unroll
        for (int g = 0; g < K::GROUPS; g++)
          if ((pair * WORDS + w) * 8 / KG == g) {
            sum[g] += (i % 2 ? 16.f : 1.f) * (rounded.x + rounded.y);
            offset[g] += 1024.f * (rounded.x + rounded.y);
          }
      }
#pragma unroll
    for (int g = 0; g < K::GROUPS; g++) {
#pragma unroll
      for (int i = 1; i < 4; i *= 2) sum[g] += __shfl_xor_sync(ALL_LANES, sum[g], i), offset[g] += __shfl_xor_sync(ALL_LANES, offset[g], i);
#pragma unroll
      for (int j = 0; j < 2; j++) sumOfGroup[g][j] = __shfl_sync(ALL_LANES, sum[g], (2 * pair + j) * 4), offsetOfGroup[g][j] = __shfl_sync(ALL_LANES, offset[g], (2 * pair + j) * 4);
    }
#pragma unroll
    for (int j = 0; j < 2; j++) factor[j] = __shfl_sync(ALL_LANES, divisor, (2 * pair + j) * 4);
  }
  float zeros[V::GROUPS][2] = {};
  unsigned long long next = count > 0 ? dead[first] : 0;
  for (int it = 0; it < count; it++) {
    unsigned long long mask = next;
    if (it + 1 < count) next = dead[first + (it + 1) * WARPS];
    waitForCopies<STAGES - 2>();
    __syncwarp();
    if (it + STAGES - 1 < count) fetch(it + STAGES - 1, (it + STAGES - 1) % STAGES);
    commitCopies();
    const uint8_t *page = own + it % STAGES * PAGE;
    const __half *keyScales = (const __half *)(page + K::CODES), *valueScales = (const __half *)(page + K::BYTES + V::CODES);
    float score[4][4], max0 = NOTHING, max1 = NOTHING;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      // A thread's words are one run of channels, so that they belong to one group: with two groups, pairs 0 and 1 sum the first, 2 and 3 the second. Tensor
      // cores sum over all four, so each group has products of its own with the other group's queries left out.
      const uint8_t *upper = page + (16 * i + row) * (D / 2) + pair * WORDS * 4, *lower = upper + 8 * (D / 2);
      uint32_t a[WORDS], b[WORDS];
      if (WORDS == 4) {
        uint4 x = *(const uint4 *)upper, y = *(const uint4 *)lower;
        a[0] = x.x, a[1] = x.y, a[WORDS - 2] = x.z, a[WORDS - 1] = x.w, b[0] = y.x, b[1] = y.y, b[WORDS - 2] = y.z, b[WORDS - 1] = y.w;
      } else {
        uint2 x = *(const uint2 *)upper, y = *(const uint2 *)lower;
        a[0] = x.x, a[WORDS - 1] = x.y, b[0] = y.x, b[WORDS - 1] = y.y;
      }
      float dot[K::GROUPS][4] = {};
#pragma unroll
      for (int w = 0; w < WORDS; w++) {
        uint32_t u[4], v[4];
        offsetCodes(a[w], u), offsetCodes(b[w], v);
        const uint32_t first[4] = {u[0], v[0], u[1], v[1]}, second[4] = {u[2], v[2], u[3], v[3]};
#pragma unroll
        for (int g = 0; g < K::GROUPS; g++) {
          bool mine = K::GROUPS == 1 || pair * K::GROUPS / 4 == g;
          mma<f16>(dot[g], first, mine ? queries[w][0] : 0, mine ? queries[w][1] : 0);
          mma<f16>(dot[g], second, mine ? queries[w][2] : 0, mine ? queries[w][3] : 0);
        }
      }
#pragma unroll
      for (int j = 0; j < 2; j++) {
        int token = 16 * i + 8 * j + row;
        bool isDead = mask >> token & 1;
        float s0 = 0, s1 = 0;
#pragma unroll
        for (int g = 0; g < K::GROUPS; g++) {
          float alpha = __half2float(keyScales[g * PAGE_TOKENS + token]), zeta = __half2float(keyScales[(K::GROUPS + g) * PAGE_TOKENS + token]);
          s0 += alpha * (dot[g][2 * j] - offsetOfGroup[g][0]) + zeta * sumOfGroup[g][0];
          s1 += alpha * (dot[g][2 * j + 1] - offsetOfGroup[g][1]) + zeta * sumOfGroup[g][1];
        }
        score[i][2 * j] = isDead ? NOTHING : s0 * factor[0], score[i][2 * j + 1] = isDead ? NOTHING : s1 * factor[1];
        max0 = fmaxf(max0, score[i][2 * j]), max1 = fmaxf(max1, score[i][2 * j + 1]);
      }
    }
    float before[2] = {state.largest[0], state.largest[1]};
    state.raise(max0, max1, zeros[0]);
    if (V::GROUPS > 1) {
#pragma unroll
      for (int g = 1; g < V::GROUPS; g++)
#pragma unroll
        for (int j = 0; j < 2; j++) zeros[g][j] *= exp2Fast(before[j] - state.largest[j]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) {
        score[i][j] = score[i][j] == NOTHING ? 0.f : exp2Fast(score[i][j] - state.largest[j % 2]);
        state.sum[j % 2] += score[i][j];
      }
#pragma unroll
    for (int g = 0; g < V::GROUPS; g++) {
      if (g > 0) __syncwarp();
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 2; j++) {
          int token = 16 * i + 8 * j + row;
          float alpha = __half2float(valueScales[g * PAGE_TOKENS + token]), zeta = __half2float(valueScales[(V::GROUPS + g) * PAGE_TOKENS + token]);
          zeros[g][0] += score[i][2 * j] * zeta, zeros[g][1] += score[i][2 * j + 1] * zeta;
          *(uint32_t *)(weights + token * P_ROW + pair * 4) = pack<f16>(score[i][2 * j] * alpha, score[i][2 * j + 1] * alpha);
        }
      __syncwarp();
      // Row k of the matrix for word w, half h, register u is token 16 (k / 2) + 8 w + 2 h + u + 4 (k % 2): the order in which codes are unpacked.
      uint32_t source = sharedAddress(weights) + (lane % 8 / 2 * 16 + lane / 8 + 4 * (lane & 1)) * P_ROW, p[2][4];
      loadMatricesTransposed(p[0], source), loadMatricesTransposed(p[1], source + 8 * P_ROW);
      const uint8_t *codes = page + K::BYTES;
#pragma unroll
      for (int i = g * VG / 16; i < (g + 1) * VG / 16; i++) {
        uint2 x = *(const uint2 *)(codes + (16 * i + row) * 32 + pair * 8), y = *(const uint2 *)(codes + (16 * i + row + 8) * 32 + pair * 8);
        const uint32_t upper[2] = {x.x, x.y}, lower[2] = {y.x, y.y};
#pragma unroll
        for (int w = 0; w < 2; w++) {
          uint32_t u[4], v[4];
          exactCodes(upper[w], u), exactCodes(lower[w], v);
          const uint32_t first[4] = {u[0], v[0], u[1], v[1]}, second[4] = {u[2], v[2], u[3], v[3]};
          mma<f16>(state.mixed[i], first, p[w][0], p[w][1]);
          mma<f16>(state.mixed[i], second, p[w][2], p[w][3]);
        }
      }
    }
    __syncwarp();
  }
  waitForCopies<0>();
#pragma unroll
  for (int g = 0; g < V::GROUPS; g++)
#pragma unroll
    for (int j = 0; j < 2; j++) {
#pragma unroll
      for (int i = 4; i < WARP; i *= 2) zeros[g][j] += __shfl_xor_sync(ALL_LANES, zeros[g][j], i);
#pragma unroll
      for (int i = g * VG / 16; i < (g + 1) * VG / 16; i++) state.mixed[i][j] += zeros[g][j], state.mixed[i][2 + j] += zeros[g][j];
    }
}

// counts [sequence]: (tiles, packed pages). Tables are `tableStride` and `tileStride` entries a sequence, masks as many a KV head.
template <int D, int KG, int VG>
__device__ void decode(float *out, const float *q, const unsigned long long *pages, const unsigned long long *pageMasks, long long tableStride,
                       const unsigned long long *tiles, const unsigned long long *tileMasks, long long tileStride, const int2 *counts, float *partials,
                       unsigned *counters, int groupSize, float scale) {
  extern __shared__ __align__(128) uint8_t shared[];
  __shared__ bool isLast;
  constexpr int WARP_BYTES = STAGES * (Side<D, KG>::BYTES + Side<D, VG>::BYTES) + PAGE_TOKENS * 16, ROW = PARTIAL_FLOATS<D>;
  startAfterPrevious();
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4, kvHead = blockIdx.y, sequence = blockIdx.z;
  int slot = sequence * gridDim.y + kvHead;
  q += (long long)slot * groupSize * D, out += (long long)slot * groupSize * D;
  int2 count = counts[sequence];
  Share share(count.x, count.y);
  if (blockIdx.x >= share.splits) return;
  Softmax<D> state;
  state.clear();
  if (share.beginTile < share.endTile)
    attendTiles<D>(state, shared, q, groupSize, tiles + sequence * tileStride, tileMasks + slot * tileStride, kvHead, share, scale);
  attendPages<D, KG, VG>(state, shared + warp * WARP_BYTES, q, groupSize, pages + sequence * tableStride, pageMasks + slot * tableStride, kvHead, share, scale);
#pragma unroll
  for (int i = 4; i < WARP; i *= 2)
    state.sum[0] += __shfl_xor_sync(ALL_LANES, state.sum[0], i), state.sum[1] += __shfl_xor_sync(ALL_LANES, state.sum[1], i);
  __syncthreads();
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
  finish<D, WARPS, HEADS>(perWarp, groupSize, partials, counters, slot, blockIdx.x, share.splits, out, &isLast);
}

#define ENTRY(NAME, D, KG, VG)                                                                                                                            \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) decode_packed_##NAME##_d##D(                                                                   \
      float *out, const float *q, const unsigned long long *pages, const unsigned long long *pageMasks, long long tableStride,                            \
      const unsigned long long *tiles, const unsigned long long *tileMasks, long long tileStride, const int2 *counts, float *partials, unsigned *counters, \
      int groupSize, float scale) {                                                                                                                       \
    decode<D, KG, VG>(out, q, pages, pageMasks, tableStride, tiles, tileMasks, tileStride, counts, partials, counters, groupSize, scale);                  \
  }
ENTRY(k4v4g128, 128, 128, 128)
ENTRY(k4v4, 128, 64, 64)
ENTRY(k4v4, 64, 64, 64)
