// Split-KV decoding: each block leaves (maximum, sum, weighted values) of its keys; the last block of a KV head to finish merges them
// (log-sum-exp, Dao 2023 "Flash-Decoding"), so that no second launch is needed.
#pragma once
#include "../common/reduce.cuh"

// Less than any score, and finite, so that differences of two of them are no NaN.
constexpr float NOTHING = -1e30f;

__device__ __forceinline__ float exp2Fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// A row of partials: D sums of values, then the maximum (base 2), then the sum of weights.
template <int D> constexpr int PARTIAL_FLOATS = D + 4;

// Merges `count` rows that lie `stride` floats apart into `target`; one warp, results by lane: channels lane * 4 + 128 i. D is a multiple of 4.
template <int D, bool OTHER_BLOCKS> struct Merge {
  static constexpr int VECTORS = (D / 4 + WARP - 1) / WARP;
  float4 sum[VECTORS];
  float largest, weight;

  template <class T> __device__ __forceinline__ static T load(const T *p) { return OTHER_BLOCKS ? __ldcg(p) : *p; }

  __device__ __forceinline__ void run(const float *rows, int count, long long stride) {
    largest = NOTHING, weight = 0;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) sum[v] = make_float4(0, 0, 0, 0);
    for (int base = 0; base < count; base += WARP) take(rows + base * stride, min(count - base, WARP), stride);
    weight = warpSum(weight);
  }
  // Up to 32 rows, all of them on their way before anything is done: what other blocks left is far away.
  __device__ __forceinline__ void take(const float *rows, int count, long long stride) {
    constexpr int BATCH = OTHER_BLOCKS ? WARP : 4;
    int lane = threadIdx.x % WARP;
    float2 own = lane < count ? load((const float2 *)(rows + lane * stride + D)) : make_float2(NOTHING, 0);
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      int c = (v * WARP + lane) * 4;
      // Lanes without channels take others' along.
      const float *column = rows + (D % 128 == 0 || c < D ? c : 0);
      for (int first = 0; first < count; first += BATCH) {
        float4 x[BATCH];
#pragma unroll
        for (int i = 0; i < BATCH; i++) x[i] = first + i < count ? load((const float4 *)(column + (first + i) * stride)) : make_float4(0, 0, 0, 0);
        if (v == 0 && first == 0) raise(own);
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
          float factor = __shfl_sync(ALL_LANES, own.x, first + i);
          sum[v].x = fmaf(x[i].x, factor, sum[v].x), sum[v].y = fmaf(x[i].y, factor, sum[v].y), sum[v].z = fmaf(x[i].z, factor, sum[v].z), sum[v].w = fmaf(x[i].w, factor, sum[v].w);
        }
      }
    }
  }
  // Takes maxima and weights of rows, a row a lane; leaves the rows' factors in place of their maxima.
  __device__ __forceinline__ void raise(float2 &own) {
    float now = fmaxf(largest, warpMax(own.x)), shrink = exp2Fast(largest - now);
    largest = now;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) sum[v].x *= shrink, sum[v].y *= shrink, sum[v].z *= shrink, sum[v].w *= shrink;
    own.x = exp2Fast(own.x - now);
    weight = fmaf(weight, shrink, own.x * own.y);
  }
  // Writes sums times `factor`; only whole channels of the head.
  __device__ void store(float *target, float factor) const {
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      int c = (v * WARP + lane) * 4;
      if (D % 128 != 0 && c >= D) break;
      target[c] = sum[v].x * factor, target[c + 1] = sum[v].y * factor, target[c + 2] = sum[v].z * factor, target[c + 3] = sum[v].w * factor;
    }
  }
};

// Called by all threads of a block whose `perWarp` [warps][heads][PARTIAL_FLOATS] in shared memory is complete (after a barrier).
// A slot is a sequence, a KV head and a block of up to HEADS query heads. partials [slot][split][HEADS][PARTIAL_FLOATS]; counters [slot] are zero before
// and after. Whether this block had the last word: then `stats` [HEADS] in shared memory, where given, receives each head's maximum and inverse sum, for
// others to read after a barrier.
template <int D, int WARPS, int HEADS>
__device__ bool finish(const float *perWarp, int heads, float *partials, unsigned *counters, int slot, int split, int splits, float *out, bool *isLast,
                       float (*stats)[2] = nullptr) {
  constexpr int ROW = PARTIAL_FLOATS<D>;
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  // Sequences may differ in splits, so slots lie as far apart as the most takes.
  partials += (long long)slot * gridDim.x * HEADS * ROW;
  float *own = partials + (long long)split * HEADS * ROW;
  for (int h = warp; h < heads; h += WARPS) {
    Merge<D, false> merge;
    merge.run(perWarp + h * ROW, WARPS, heads * ROW);
    if (splits == 1) {
      merge.store(out + h * D, 1.f / merge.weight);
      if (stats && lane == 0) stats[h][0] = merge.largest, stats[h][1] = 1.f / merge.weight;
    } else {
      merge.store(own + h * ROW, 1.f);
      if (lane == 0) own[h * ROW + D] = merge.largest, own[h * ROW + D + 1] = merge.weight;
    }
  }
  if (splits == 1) return true;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) *isLast = atomicAdd(counters + slot, 1) == splits - 1;
  __syncthreads();
  if (!*isLast) return false;
  __threadfence();
  for (int h = warp; h < heads; h += WARPS) {
    Merge<D, true> merge;
    merge.run(partials + h * ROW, splits, HEADS * ROW);
    merge.store(out + h * D, 1.f / merge.weight);
    if (stats && lane == 0) stats[h][0] = merge.largest, stats[h][1] = 1.f / merge.weight;
  }
  if (threadIdx.x == 0) counters[slot] = 0;
  return true;
}
