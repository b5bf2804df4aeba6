// Attention of one query row over packed pages (4 or 8 bits, FP16 scales and zeros a token and group of channels: GroupLayout.java). A warp takes whole pages,
// several under way by asynchronous copies, and multiplies codes on tensor cores as they are, S^T = K Q^T and O^T = V^T P^T with the query heads of a group as
// columns: every packed byte is read once. Scores leave the first product in the order in which the second takes weights.
#pragma once
#include "../common/cp_async.cuh"
#include "../kvcache/codecs/code_rows.cuh"
#include "../kvcache/line_layer.cuh"
#include "tile_scores.cuh"

// One side of one head of a page: codes, scales, zeros.
template <int BITS, int D, int GROUP_CHANNELS> struct Side {
  static constexpr int GROUPS = D / GROUP_CHANNELS, CODES = PAGE_TOKENS * D * BITS / 8, SCALES = GROUPS * PAGE_TOKENS * 2;
  static constexpr int BYTES = CODES + (2 * SCALES + 127) / 128 * 128;
};

// A warp holds two pages where two blocks then fit on an SM, or else three; queries of four heads lie beside them. Twin of PackedDecode.java.
constexpr int PAGE_WARPS = 4, SM_BYTES = 228 * 1024, BLOCK_BYTES = 1024 + 128, MOST_BLOCKS = 3;

template <int D_, int KB, int KG, int VB, int VG> struct PageShape {
  static constexpr int D = D_, STEPS = D / 16;
  using K = Side<KB, D, KG>;
  using V = Side<VB, D, VG>;
  using Keys = KeyRow<KB, D, K::GROUPS>;
  using Values = ValueRow<VB>;
  static constexpr int PAGE = K::BYTES + V::BYTES;
  static constexpr int blocks(int stages) { return SM_BYTES / (PAGE_WARPS * stages * PAGE + 4 * D * 4 + BLOCK_BYTES); }
  static constexpr int STAGES = blocks(2) > 1 ? 2 : 3, BLOCKS_AN_SM = blocks(STAGES) < MOST_BLOCKS ? blocks(STAGES) : MOST_BLOCKS;

  // Address bits of a token's codes that are turned over in shared memory, so that the rows that lanes read at once meet all banks; never within 32 bytes,
  // which memory brings together.
  __device__ __forceinline__ static int turn(int row) {
    return Keys::ROW_BYTES == 32 ? row % 4 * 32 : (row % 2 * 64) ^ (row / 2 % 2 * 32);
  }
};

// The pages [begin + warp, end) that a warp takes, every fourth.
template <class Shape> struct PageStream {
  static constexpr int PAGE = Shape::PAGE, STAGES = Shape::STAGES;
  const LineLayer &layer;
  const unsigned long long *pages, *lines;
  uint8_t *own;
  int kvHead, first, count;
  unsigned long long upcoming;

  __device__ __forceinline__ PageStream(const LineLayer &layer, int kvHead, int begin, int end, uint8_t *own) : layer(layer), own(own), kvHead(kvHead) {
    pages = layer.pages + layer.firstPage, lines = layer.lineMasks + kvHead * layer.maxPages + layer.firstPage;
    first = begin + threadIdx.x / WARP, count = first < end ? (end - first + PAGE_WARPS - 1) / PAGE_WARPS : 0;
    upcoming = address(0);
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) fetch(s);
  }
  // Addresses are read a page ahead of the copies, so that no copy waits for one.
  __device__ __forceinline__ unsigned long long address(int i) const { return i < count ? pages[first + i * PAGE_WARPS] + (long long)kvHead * PAGE : 0ull; }

  __device__ __forceinline__ void fetch(int i) {
    if (i < count) {
      int lane = threadIdx.x % WARP;
      const uint8_t *source = (const uint8_t *)upcoming + lane * 16;
      uint32_t target = sharedAddress(own) + i % STAGES * PAGE;
      upcoming = address(i + 1);
#pragma unroll
      for (int c = 0; c < (PAGE / 16 + WARP - 1) / WARP; c++) {
        constexpr int BYTES = WARP * 16;
        int token = (c * BYTES + lane * 16) / Shape::Keys::ROW_BYTES;
        int turn = c < Shape::K::CODES / BYTES ? Shape::turn(Shape::Values::rowOf(token)) : 0;
        if (PAGE % BYTES == 0 || c * WARP + lane < PAGE / 16) copyAsync(target + c * BYTES + (lane * 16 ^ turn), source + c * BYTES);
      }
    }
    commitCopies();
  }
  // The i-th page, complete; its place is free for others once this is called for the next.
  __device__ __forceinline__ const uint8_t *take(int i) {
    waitForCopies<STAGES - 2>();
    __syncwarp();
    fetch(i + STAGES - 1);
    return own + i % STAGES * PAGE;
  }
  // Tokens of the i-th page that are lines, or before the window.
  __device__ __forceinline__ unsigned long long dead(int i, int firstToken) const {
    if (i >= count) return 0;
    int page = first + i * PAGE_WARPS;
    return lines[page] | (firstToken == 0 ? 0ull : outside((layer.firstPage + page) * PAGE_TOKENS, firstToken, 0x7fffffff - PAGE_TOKENS));
  }
};

// Q^T as F16 in the order of the codes. A head's queries are divided by a power of two so that F16 holds them.
template <class Shape> struct PageQueries {
  static constexpr int GROUPS = Shape::K::GROUPS;
  uint32_t pairs[Shape::STEPS][2];
  // Of this lane's two heads: what scores are multiplied with, and the sums of a group's queries.
  float factor[2], sumOfGroup[GROUPS][2];

  __device__ __forceinline__ PageQueries(const float *q, int heads, float scale) {
    using Keys = typename Shape::Keys;
    int lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
    float x[Shape::STEPS][4], most = 0, sum[GROUPS] = {};
#pragma unroll
    for (int s = 0; s < Shape::STEPS; s++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        x[s][i] = row < heads ? q[row * Shape::D + Keys::channel(pair, s, i)] * scale : 0.f;
        most = fmaxf(most, fabsf(x[s][i]));
      }
    most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 1)), most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 2));
    float divisor = most > 256.f && most < INFINITY ? exp2f(ceilf(log2f(most)) - 8.f) : 1.f, inverse = 1.f / divisor;
#pragma unroll
    for (int s = 0; s < Shape::STEPS; s++)
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float count = i == 0 ? 1.f : Keys::SECOND, shrink = inverse / count;
        pairs[s][i] = pack<f16>(x[s][2 * i] * shrink, x[s][2 * i + 1] * shrink);
        float2 rounded = __half22float2(*(__half2 *)&pairs[s][i]);
        sum[Keys::groupOf(s)] += count * CODE_UNIT * (rounded.x + rounded.y);
      }
#pragma unroll
    for (int g = 0; g < GROUPS; g++) {
      sum[g] += __shfl_xor_sync(ALL_LANES, sum[g], 1), sum[g] += __shfl_xor_sync(ALL_LANES, sum[g], 2);
#pragma unroll
      for (int j = 0; j < 2; j++) sumOfGroup[g][j] = __shfl_sync(ALL_LANES, sum[g], (2 * pair + j) * 4);
    }
#pragma unroll
    for (int j = 0; j < 2; j++) factor[j] = __shfl_sync(ALL_LANES, divisor, (2 * pair + j) * 4) / CODE_UNIT;
  }
};

// The scale or zero of a lane's two tokens of a step, in one group.
template <class Values> __device__ __forceinline__ float2 gridOf(const __half *of, int row, int step) {
  return __half22float2(*(const __half2 *)(of + Values::firstToken(row) + Values::offset(step)));
}

// Scores of a page, without the queries' factor: [step][first or second token, head].
template <class Shape> __device__ __forceinline__ void scorePage(float scores[4][4], const uint8_t *page, const PageQueries<Shape> &queries) {
  using Keys = typename Shape::Keys;
  using Values = typename Shape::Values;
  constexpr int GROUPS = Shape::K::GROUPS, ROW_BYTES = Keys::ROW_BYTES;
  int lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4, turn = Shape::turn(row);
  const uint8_t *rows = page + Values::firstToken(row) * ROW_BYTES;
  const __half *scales = (const __half *)(page + Shape::K::CODES);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    Keys first, second;
    constexpr int LINE = 128;
    int at = Values::offset(i) * ROW_BYTES, next = at + ROW_BYTES;
    first.load(rows + at / LINE * LINE, at % LINE, turn, pair), second.load(rows + next / LINE * LINE, next % LINE, turn, pair);
    float dot[GROUPS][4] = {};
#pragma unroll
    for (int w = 0; w < Keys::WORDS; w++) {
      uint32_t u[4], v[4];
      first.unpack(w, u), second.unpack(w, v);
#pragma unroll
      for (int h = 0; h < Keys::STEPS_A_WORD; h++) {
        const int s = w * Keys::STEPS_A_WORD + h;
        const uint32_t codes[4] = {u[2 * h], v[2 * h], u[2 * h + 1], v[2 * h + 1]};
        mma<f16>(dot[Keys::groupOf(s)], codes, queries.pairs[s][0], queries.pairs[s][1]);
      }
    }
#pragma unroll
    for (int j = 0; j < 4; j++) scores[i][j] = 0;
#pragma unroll
    for (int g = 0; g < GROUPS; g++) {
      float2 scale = gridOf<Values>(scales + g * PAGE_TOKENS, row, i), zero = gridOf<Values>(scales + (GROUPS + g) * PAGE_TOKENS, row, i);
#pragma unroll
      for (int j = 0; j < 4; j++)
        scores[i][j] = fmaf(j < 2 ? scale.x : scale.y, dot[g][j], fmaf(j < 2 ? zero.x : zero.y, queries.sumOfGroup[g][j % 2], scores[i][j]));
    }
  }
}

// Adds weights times values: mixed in units of a code's, and the values' zeros apart.
template <class Shape>
__device__ __forceinline__ void mixPage(Softmax<Shape::D> &state, float zeros[Shape::V::GROUPS][2], const float weights[4][4], const uint8_t *values) {
  using Values = typename Shape::Values;
  constexpr int GROUPS = Shape::V::GROUPS, TILES = Shape::D / 16 / GROUPS;
  int lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  const __half *scales = (const __half *)(values + Shape::V::CODES);
#pragma unroll
  for (int g = 0; g < GROUPS; g++) {
    uint32_t p[4][2];
#pragma unroll
    for (int s = 0; s < 4; s++) {
      float2 scale = gridOf<Values>(scales + g * PAGE_TOKENS, row, s), zero = gridOf<Values>(scales + (GROUPS + g) * PAGE_TOKENS, row, s);
      scale.y /= Values::SECOND;
      zeros[g][0] += weights[s][0] * zero.x + weights[s][2] * zero.y, zeros[g][1] += weights[s][1] * zero.x + weights[s][3] * zero.y;
      p[s][0] = transposePair(pack<f16>(weights[s][0] * scale.x, weights[s][1] * scale.x));
      p[s][1] = transposePair(pack<f16>(weights[s][2] * scale.y, weights[s][3] * scale.y));
    }
#pragma unroll
    for (int i = g * TILES; i < (g + 1) * TILES; i++) {
      Values upper, lower;
      upper.load(values + (16 * i + row) * Values::ROW_BYTES, pair), lower.load(values + (16 * i + row + 8) * Values::ROW_BYTES, pair);
#pragma unroll
      for (int w = 0; w < Values::WORDS; w++) {
        uint32_t u[4], v[4];
        upper.unpack(w, u), lower.unpack(w, v);
#pragma unroll
        for (int h = 0; h < Values::STEPS_A_WORD; h++) {
          const uint32_t codes[4] = {u[2 * h], v[2 * h], u[2 * h + 1], v[2 * h + 1]};
          mma<f16>(state.mixed[i], codes, p[w * Values::STEPS_A_WORD + h][0], p[w * Values::STEPS_A_WORD + h][1]);
        }
      }
    }
  }
}

// All pages of a stream, into a state that is clear; tokens before firstToken are not seen.
template <class Shape> __device__ __forceinline__ void attendPages(Softmax<Shape::D> &state, PageStream<Shape> &stream, const PageQueries<Shape> &queries, int firstToken) {
  constexpr int GROUPS = Shape::V::GROUPS, TILES = Shape::D / 16 / GROUPS;
  using Values = typename Shape::Values;
  int row = threadIdx.x % WARP / 4;
  float zeros[GROUPS][2] = {};
  unsigned long long next = stream.dead(0, firstToken);
  for (int it = 0; it < stream.count; it++) {
    unsigned long long dead = next;
    next = stream.dead(it + 1, firstToken);
    const uint8_t *page = stream.take(it);
    float scores[4][4];
    scorePage<Shape>(scores, page, queries);
    if (dead != 0) {
      unsigned mine = (unsigned)(dead >> Values::firstToken(row));
#pragma unroll
      for (int s = 0; s < 4; s++)
#pragma unroll
        for (int j = 0; j < 4; j++)
          if (mine >> (Values::offset(s) + j / 2) & 1) scores[s][j] = NOTHING;
    }
    float most[2] = {NOTHING, NOTHING};
#pragma unroll
    for (int s = 0; s < 4; s++) most[0] = fmaxf(most[0], fmaxf(scores[s][0], scores[s][2])), most[1] = fmaxf(most[1], fmaxf(scores[s][1], scores[s][3]));
    most[0] *= queries.factor[0], most[1] *= queries.factor[1];
    // Few pages bring a new maximum.
    if (__any_sync(ALL_LANES, most[0] > state.largest[0] || most[1] > state.largest[1])) {
      float shrink[2];
      state.raise(most[0], most[1], shrink);
#pragma unroll
      for (int g = 0; g < GROUPS; g++) zeros[g][0] *= shrink[0], zeros[g][1] *= shrink[1];
    }
#pragma unroll
    for (int s = 0; s < 4; s++)
#pragma unroll
      for (int j = 0; j < 4; j++) {
        // Of hidden tokens far below what any maximum can be, for factors are at least 2^24.
        scores[s][j] = exp2Fast(fmaf(scores[s][j], queries.factor[j % 2], -state.largest[j % 2]));
        state.sum[j % 2] += scores[s][j];
      }
    mixPage<Shape>(state, zeros, scores, page + Shape::K::BYTES);
  }
  waitForCopies<0>();
#pragma unroll
  for (int g = 0; g < GROUPS; g++)
#pragma unroll
    for (int j = 0; j < 2; j++) {
#pragma unroll
      for (int i = 4; i < WARP; i *= 2) zeros[g][j] += __shfl_xor_sync(ALL_LANES, zeros[g][j], i);
#pragma unroll
      for (int i = g * TILES; i < (g + 1) * TILES; i++)
        state.mixed[i][j] = fmaf(state.mixed[i][j], 1 / CODE_UNIT, zeros[g][j]), state.mixed[i][2 + j] = fmaf(state.mixed[i][2 + j], 1 / CODE_UNIT, zeros[g][j]);
    }
}
