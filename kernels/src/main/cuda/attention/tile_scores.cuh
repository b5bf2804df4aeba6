// What the decode kernels share: how rows lie in shared memory, fragments of queries, and one step of the online softmax over scores [tokens][heads].
#pragma once
#include "../common/mma.cuh"
#include "../common/order.cuh"
#include "partials.cuh"

// Where a 16-byte chunk of a row lies: chunks of neighbouring rows are shuffled so that eight rows of one column meet all banks.
template <int CHUNKS> __device__ __forceinline__ uint32_t place(int row, int chunk) {
  return (row * CHUNKS + (CHUNKS % 8 == 0 ? chunk ^ (row & 7) : chunk)) * 16;
}

__device__ __forceinline__ uint32_t transposePair(uint32_t x) {
  uint32_t y;
  asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;\n" : "=r"(y) : "r"(x));
  return y;
}

// (a, b) as two BF16 pairs whose sum is within 2^-17 of them.
__device__ __forceinline__ void splitPair(float a, float b, uint32_t &high, uint32_t &low) {
  float aHigh = __bfloat162float(__float2bfloat16_rn(a)), bHigh = __bfloat162float(__float2bfloat16_rn(b));
  high = pack<bf16>(aHigh, bHigh), low = pack<bf16>(a - aHigh, b - bHigh);
}

// Sums of a warp for 8 heads (columns 2 * pair and 2 * pair + 1 are this lane's): weighted values O^T [channels][heads], maxima, sums of weights.
template <int D> struct Softmax {
  float mixed[D / 16][4], largest[2], sum[2];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < D / 16; i++) mixed[i][0] = mixed[i][1] = mixed[i][2] = mixed[i][3] = 0;
    largest[0] = largest[1] = NOTHING, sum[0] = sum[1] = 0;
  }
  // Takes the maxima of some scores; what was summed so far shrinks accordingly: by `shrink`.
  __device__ __forceinline__ void raise(float max0, float max1, float shrink[2]) {
    float now[2] = {fmaxf(largest[0], max0), fmaxf(largest[1], max1)};
#pragma unroll
    for (int i = 4; i < WARP; i *= 2) now[0] = fmaxf(now[0], __shfl_xor_sync(ALL_LANES, now[0], i)), now[1] = fmaxf(now[1], __shfl_xor_sync(ALL_LANES, now[1], i));
    shrink[0] = exp2Fast(largest[0] - now[0]), shrink[1] = exp2Fast(largest[1] - now[1]);
    largest[0] = now[0], largest[1] = now[1];
    if (__any_sync(ALL_LANES, shrink[0] != 1.f || shrink[1] != 1.f)) {
#pragma unroll
      for (int i = 0; i < D / 16; i++) mixed[i][0] *= shrink[0], mixed[i][1] *= shrink[1], mixed[i][2] *= shrink[0], mixed[i][3] *= shrink[1];
      sum[0] *= shrink[0], sum[1] *= shrink[1];
    }
  }
};
