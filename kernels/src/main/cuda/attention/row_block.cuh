// A block of query rows of one head on tensor cores (Dao 2023, FlashAttention-2): 8 warps with 16 rows each; tiles of 64 keys and values in BF16 lie in shared
// memory. Queries and weights are rounded to BF16, sums are float32.
#pragma once
#include "tile_scores.cuh"

constexpr int ROW_WARPS = 8, ROW_THREADS = ROW_WARPS * WARP, BLOCK_ROWS = ROW_WARPS * 16;

template <int D> struct RowBlock {
  static constexpr int V_CHUNKS = D / 8;
  uint32_t queries[D / 16][4];
  float mixed[D / 8][4], largest[2], sum[2];
  int myRow[2], position[2], warpFirst;

  // Takes up rows row0 + 16 warp ... of `rows`, of which row 0 is at position `start`.
  __device__ __forceinline__ RowBlock(const float *q, long long qStride, int head, int row0, int rows, int start, float scale) {
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
    warpFirst = start + row0 + warp * 16;
    myRow[0] = row0 + warp * 16 + row, myRow[1] = myRow[0] + 8;
    position[0] = start + myRow[0], position[1] = start + myRow[1];
#pragma unroll
    for (int k = 0; k < D / 16; k++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int r = myRow[i % 2];
        const float *x = q + r * qStride + head * D + k * 16 + pair * 2 + i / 2 * 8;
        queries[k][i] = r < rows ? pack<bf16>(x[0] * scale, x[1] * scale) : 0;
      }
    largest[0] = largest[1] = NOTHING, sum[0] = sum[1] = 0;
#pragma unroll
    for (int i = 0; i < D / 8; i++) mixed[i][0] = mixed[i][1] = mixed[i][2] = mixed[i][3] = 0;
  }

  // One tile: keys [D][64] and values [64][D] at these addresses of shared memory. Where `masked`, hides(token of the tile, position) says what a row does not see.
  template <class Hides> __device__ __forceinline__ void attend(uint32_t keys, uint32_t values, bool masked, Hides hides) {
    int lane = threadIdx.x % WARP;
    float score[8][4];
#pragma unroll
    for (int i = 0; i < 8; i++) score[i][0] = score[i][1] = score[i][2] = score[i][3] = 0;
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      int channel = k * 16 + lane / 8 % 2 * 8 + lane % 8;
#pragma unroll
      for (int n = 0; n < 4; n++) {
        uint32_t b[4];
        loadMatricesTransposed(b, keys + place<8>(channel, n * 2 + lane / 16));
        mma<bf16>(score[2 * n], queries[k], b[0], b[1]);
        mma<bf16>(score[2 * n + 1], queries[k], b[2], b[3]);
      }
    }
    uint32_t weights[4][4];
    float shrink[2];
    weigh(shrink, score, masked, hides);
    rescale(shrink);
    packWeights(weights, score);
#pragma unroll
    for (int k = 0; k < 4; k++) {
      int token = k * 16 + lane / 8 % 2 * 8 + lane % 8;
#pragma unroll
      for (int n = 0; n < D / 16; n++) {
        uint32_t b[4];
        loadMatricesTransposed(b, values + place<V_CHUNKS>(token, n * 2 + lane / 16));
        mma<bf16>(mixed[2 * n], weights[k], b[0], b[1]);
        mma<bf16>(mixed[2 * n + 1], weights[k], b[2], b[3]);
      }
    }
  }

  // Scores [tokens / 8][4] become weights; `shrink` is what they make of everything mixed before.
  template <int N, class Hides> __device__ __forceinline__ void weigh(float shrink[2], float (&score)[N][4], bool masked, Hides hides) {
    int pair = threadIdx.x % 4;
    if (masked) {
#pragma unroll
      for (int i = 0; i < N; i++)
#pragma unroll
        for (int j = 0; j < 4; j++)
          if (hides(i * 8 + pair * 2 + j % 2, position[j / 2])) score[i][j] = NOTHING;
    }
    float now[2] = {largest[0], largest[1]};
#pragma unroll
    for (int i = 0; i < N; i++) now[0] = fmaxf(now[0], fmaxf(score[i][0], score[i][1])), now[1] = fmaxf(now[1], fmaxf(score[i][2], score[i][3]));
#pragma unroll
    for (int i = 1; i < 4; i *= 2) now[0] = fmaxf(now[0], __shfl_xor_sync(ALL_LANES, now[0], i)), now[1] = fmaxf(now[1], __shfl_xor_sync(ALL_LANES, now[1], i));
    // A row that has seen nothing yet has weights of 0.
    float base[2] = {now[0] == NOTHING ? 0.f : now[0], now[1] == NOTHING ? 0.f : now[1]};
    shrink[0] = exp2Fast(largest[0] - base[0]), shrink[1] = exp2Fast(largest[1] - base[1]);
    largest[0] = now[0], largest[1] = now[1];
    sum[0] *= shrink[0], sum[1] *= shrink[1];
#pragma unroll
    for (int i = 0; i < N; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) {
        score[i][j] = exp2Fast(score[i][j] - base[j / 2]);
        sum[j / 2] += score[i][j];
      }
  }

  // Weights as left operands.
  template <int N> __device__ __forceinline__ void packWeights(uint32_t (&weights)[N / 2][4], const float (&score)[N][4]) {
#pragma unroll
    for (int i = 0; i < N; i++) {
      weights[i / 2][i % 2 * 2] = pack<bf16>(score[i][0], score[i][1]);
      weights[i / 2][i % 2 * 2 + 1] = pack<bf16>(score[i][2], score[i][3]);
    }
  }

  __device__ __forceinline__ void rescale(const float shrink[2]) {
#pragma unroll
    for (int i = 0; i < D / 8; i++) mixed[i][0] *= shrink[0], mixed[i][1] *= shrink[0], mixed[i][2] *= shrink[1], mixed[i][3] *= shrink[1];
  }

  // Writes the rows' outputs; stats [rows][heads], where given: the rows' maxima (base 2) and sums.
  __device__ __forceinline__ void store(float *out, long long outStride, int head, int heads, int rows, float2 *stats) {
    int pair = threadIdx.x % 4;
#pragma unroll
    for (int j = 0; j < 2; j++) {
#pragma unroll
      for (int i = 1; i < 4; i *= 2) sum[j] += __shfl_xor_sync(ALL_LANES, sum[j], i);
      if (myRow[j] >= rows) continue;
      float inverse = 1.f / sum[j];
      float *target = out + myRow[j] * outStride + head * D + pair * 2;
#pragma unroll
      for (int i = 0; i < D / 8; i++) target[i * 8] = mixed[i][2 * j] * inverse, target[i * 8 + 1] = mixed[i][2 * j + 1] * inverse;
      if (stats && pair == 0) stats[(long long)myRow[j] * heads + head] = make_float2(largest[j], sum[j]);
    }
  }
};
