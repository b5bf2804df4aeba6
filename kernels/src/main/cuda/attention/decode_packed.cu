// Decode attention (one query row) over a layer that packs, in one pass. Packed pages (4 or 8 bits, FP16 scales and zeros a token and group of channels:
// GroupLayout.java) go to one warp each, several under way by asynchronous copies; codes are unpacked in registers and multiplied on tensor cores, S^T = K Q^T
// and O^T = V^T P^T with the query heads of a group as columns, so every packed byte is read once. Tiles of BF16 (the lines and the newest tokens) go to all four
// warps together, with queries and weights in two BF16 halves; the last block of a KV head turns their scores into the attention weights that lines are chosen
// by. Grid: (splits, KV heads, sequences). At most 8 query heads a KV head.
#include "../common/cp_async.cuh"
#include "../common/hadamard.cuh"
#include "../kvcache/codecs/code_rows.cuh"
#include "../kvcache/line_layer.cuh"
#include "tile_scores.cuh"

constexpr int WARPS = 4, THREADS = WARPS * WARP, HEADS = LOGIT_HEADS, TILE_STAGES = 2;
// A tile has about four times the bytes of a packed page.
constexpr int TILE_COST = 4;
// What the launcher asks for.
constexpr int TRANSFORM_QUERIES = 1, SQUARED_WEIGHTS = 2;

// One side of one head of a page: codes, scales, zeros.
template <int BITS, int D, int GROUP_CHANNELS> struct Side {
  static constexpr int GROUPS = D / GROUP_CHANNELS, CODES = PAGE_TOKENS * D * BITS / 8, SCALES = GROUPS * PAGE_TOKENS * 2;
  static constexpr int BYTES = CODES + (2 * SCALES + 127) / 128 * 128;
};

// Pages that a warp holds: as many as leave two blocks to an SM. Twin of PackedDecode.java.
constexpr int WEIGHT_BYTES = PAGE_TOKENS * 16, HALF_AN_SM = 112 * 1024;
template <int PAGE> constexpr int STAGES_OF = WARPS * (3 * PAGE + WEIGHT_BYTES) <= HALF_AN_SM ? 3 : WARPS * (2 * PAGE + WEIGHT_BYTES) <= HALF_AN_SM ? 2 : 3;
template <int PAGE> constexpr int BLOCKS_OF = WARPS * (STAGES_OF<PAGE> * PAGE + WEIGHT_BYTES) <= HALF_AN_SM ? 2 : 1;

// What a block works on: tiles [beginTile, endTile), then pages [beginPage, endPage), counted from the first there is.
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

// Tiles of BF16: keys transposed [D][64], values [64][D], 16 tokens a warp.
template <int D>
__device__ __forceinline__ void attendTiles(Softmax<D> &state, uint8_t *shared, const float *q, int heads, const Tiles tiles, Share share, float scale) {
  constexpr int SIDE = PAGE_TOKENS * D * 2, TILE = 2 * SIDE, V_CHUNKS = D / 8;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  uint32_t target = sharedAddress(shared);
  auto fetch = [&](int tile, int stage) {
    const uint8_t *source = (const uint8_t *)tiles.address(tile) + 2ll * tiles.kvHead * SIDE;
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
    unsigned mask = tiles.dead(tile, warp * 16);
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

// Packed pages, a warp each. `own` is this warp's shared memory for pages, `weights` for weights [64 tokens][8 heads] in F16; queries lie where weights will.
template <int D, int KB, int KG, int VB, int VG>
__device__ __forceinline__ void attendPages(Softmax<D> &state, uint8_t *own, uint8_t *weights, const float *q, int heads, const LineLayer &layer, int kvHead, Share share, int firstToken,
                            float scale) {
  using K = Side<KB, D, KG>;
  using V = Side<VB, D, VG>;
  using Keys = KeyRow<KB, D>;
  using Values = ValueRow<VB>;
  constexpr int PAGE = K::BYTES + V::BYTES, STEPS = D / 16, P_ROW = 16, STAGES = STAGES_OF<PAGE>;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  const unsigned long long *pages = layer.pages + layer.firstPage, *lines = layer.lineMasks + kvHead * layer.maxPages + layer.firstPage;
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
  // Q^T as F16 in the order of the codes. A head's queries are divided by a power of two so that F16 holds them.
  uint32_t queries[STEPS][2];
  float factor[2], sumOfGroup[K::GROUPS][2], offsetOfGroup[K::GROUPS][2];
  {
    float x[STEPS][4], most = 0;
#pragma unroll
    for (int s = 0; s < STEPS; s++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        x[s][i] = row < heads ? q[row * D + Keys::channel(pair, s, i)] * scale : 0.f;
        most = fmaxf(most, fabsf(x[s][i]));
      }
    most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 1)), most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 2));
    float divisor = most > 256.f && most < INFINITY ? exp2f(ceilf(log2f(most)) - 8.f) : 1.f, inverse = 1.f / divisor;
    float sum[K::GROUPS] = {}, offset[K::GROUPS] = {};
#pragma unroll
    for (int s = 0; s < STEPS; s++)
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float shrink = inverse / Keys::factor(2 * i);
        queries[s][i] = pack<f16>(x[s][2 * i] * shrink, x[s][2 * i + 1] * shrink);
        float2 rounded = __half22float2(*(__half2 *)&queries[s][i]);
#pragma unroll
        for (int g = 0; g < K::GROUPS; g++)
          if (Keys::template isOfGroup<K::GROUPS>(pair, s, g)) {
            sum[g] += Keys::factor(2 * i) * (rounded.x + rounded.y);
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
  // All warps have their queries: weights may take their place.
  __syncthreads();
  float zeros[V::GROUPS][2] = {};
  auto deadOf = [&](int page) { return lines[page] | (firstToken == 0 ? 0ull : outside((layer.firstPage + page) * PAGE_TOKENS, firstToken, 0x7fffffff - PAGE_TOKENS)); };
  unsigned long long next = count > 0 ? deadOf(first) : 0;
  for (int it = 0; it < count; it++) {
    unsigned long long mask = next;
    if (it + 1 < count) next = deadOf(first + (it + 1) * WARPS);
    waitForCopies<STAGES - 2>();
    __syncwarp();
    if (it + STAGES - 1 < count) fetch(it + STAGES - 1, (it + STAGES - 1) % STAGES);
    commitCopies();
    const uint8_t *page = own + it % STAGES * PAGE;
    const __half *keyScales = (const __half *)(page + K::CODES), *valueScales = (const __half *)(page + K::BYTES + V::CODES);
    float score[4][4], max0 = NOTHING, max1 = NOTHING;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      // Tensor cores sum over the four lanes of a row: each group of channels has products of its own, with the other group's queries left out.
      Keys upper, lower;
      upper.load(page + (16 * i + row) * (D * KB / 8), pair), lower.load(page + (16 * i + row + 8) * (D * KB / 8), pair);
      float dot[K::GROUPS][4] = {};
#pragma unroll
      for (int w = 0; w < Keys::WORDS; w++) {
        uint32_t u[4], v[4];
        upper.unpack(w, u), lower.unpack(w, v);
#pragma unroll
        for (int h = 0; h < Keys::STEPS_A_WORD; h++) {
          const int s = w * Keys::STEPS_A_WORD + h;
          const uint32_t codes[4] = {u[2 * h], v[2 * h], u[2 * h + 1], v[2 * h + 1]};
#pragma unroll
          for (int g = 0; g < K::GROUPS; g++) {
            bool mine = Keys::template isOfGroup<K::GROUPS>(pair, s, g);
            if (KB == 8 && !mine) continue;
            mma<f16>(dot[g], codes, mine ? queries[s][0] : 0, mine ? queries[s][1] : 0);
          }
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
      uint32_t source = sharedAddress(weights) + Values::token(lane) * P_ROW, p[2][4];
      loadMatricesTransposed(p[0], source), loadMatricesTransposed(p[1], source + 8 * P_ROW);
      const uint8_t *codes = page + K::BYTES;
#pragma unroll
      for (int i = g * VG / 16; i < (g + 1) * VG / 16; i++) {
        Values upper, lower;
        upper.load(codes + (16 * i + row) * (PAGE_TOKENS * VB / 8), pair), lower.load(codes + (16 * i + row + 8) * (PAGE_TOKENS * VB / 8), pair);
#pragma unroll
        for (int w = 0; w < Values::WORDS; w++) {
          uint32_t u[4], v[4];
          upper.unpack(w, u), lower.unpack(w, v);
#pragma unroll
          for (int h = 0; h < Values::STEPS_A_WORD; h++) {
            const int s = w * Values::STEPS_A_WORD + h;
            const uint32_t factors[4] = {u[2 * h], v[2 * h], u[2 * h + 1], v[2 * h + 1]};
            mma<f16>(state.mixed[i], factors, p[s / 2][s % 2 * 2], p[s / 2][s % 2 * 2 + 1]);
          }
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
__device__ void decode(float *out, const float *q, const LineLayer *layers, const int *positions, float *partials, unsigned *counters, int groupSize, float scale,
                       int window, int options) {
  extern __shared__ __align__(128) uint8_t shared[];
  __shared__ bool isLast;
  __shared__ float stats[HEADS][2];
  constexpr int PAGE = Side<KB, D, KG>::BYTES + Side<VB, D, VG>::BYTES, WARP_BYTES = STAGES_OF<PAGE> * PAGE, ROW = PARTIAL_FLOATS<D>;
  static_assert(HEADS * D * 4 <= WARPS * WEIGHT_BYTES, "queries lie where weights will");
  static_assert(TILE_STAGES * 4 * PAGE_TOKENS * D <= WARPS * WARP_BYTES, "tiles lie where pages will");
  startAfterPrevious();
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4, kvHead = blockIdx.y, sequence = blockIdx.z;
  int slot = sequence * gridDim.y + kvHead;
  q += (long long)slot * groupSize * D, out += (long long)slot * groupSize * D;
  const LineLayer layer = layers[sequence];
  int position = positions[sequence], first = firstVisible(position, window);
  Share share(layer.slabTiles + layer.hotTiles, layer.packedPages - layer.firstPage);
  if (blockIdx.x >= share.splits) return;
  // Queries, transformed as keys are.
  float *queries = (float *)shared;
  for (int i = threadIdx.x; i < groupSize * D; i += THREADS) queries[i] = q[i];
  if (options & TRANSFORM_QUERIES && layer.isTransformed()) {
    static_assert(D == 64 || D == 128, "a thread takes a channel of one or two heads");
    for (int h = threadIdx.x / D; h < (groupSize + THREADS / D - 1) / (THREADS / D) * (THREADS / D); h += THREADS / D) {
      int c = threadIdx.x % D;
#pragma unroll
      for (int step = 1; step < D; step *= 2) {
        __syncthreads();
        float own = h < groupSize ? queries[h * D + c] : 0.f, other = h < groupSize ? queries[h * D + (c ^ step)] : 0.f;
        __syncthreads();
        if (h < groupSize) queries[h * D + c] = c & step ? other - own : own + other;
      }
      if (h < groupSize) queries[h * D + c] *= D == 64 ? 0.125f : 0.088388347648f;
    }
  }
  __syncthreads();
  uint8_t *stages = shared + WARPS * WEIGHT_BYTES;
  Softmax<D> state;
  state.clear();
  if (share.beginTile < share.endTile) attendTiles<D>(state, stages, queries, groupSize, Tiles{layer, kvHead, position, first}, share, scale);
  attendPages<D, KB, KG, VB, VG>(state, stages + warp * WARP_BYTES, shared + warp * WEIGHT_BYTES, queries, groupSize, layer, kvHead, share, first, scale);
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
  if (!finish<D, WARPS, HEADS>(perWarp, groupSize, partials, counters, slot, blockIdx.x, share.splits, out, &isLast, stats)) return;
  __syncthreads();
  observe(layer, kvHead, groupSize, position, stats, options & SQUARED_WEIGHTS);
}

#define ENTRY(NAME, D, KB, KG, VB, VG)                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS_OF<Side<KB, D, KG>::BYTES + Side<VB, D, VG>::BYTES>)                                         \
      decode_packed_##NAME##_d##D(float *out, const float *q, const LineLayer *layers, const int *positions, float *partials, unsigned *counters,           \
                                  int groupSize, float scale, int window, int options) {                                                                  \
    decode<D, KB, KG, VB, VG>(out, q, layers, positions, partials, counters, groupSize, scale, window, options);                                            \
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
