// Sums and maxima over a warp and a block; every thread gets the result, in one fixed order.
#pragma once

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

__device__ __forceinline__ float warpSum(float x) {
#pragma unroll
  for (int i = WARP / 2; i > 0; i /= 2) x += __shfl_xor_sync(ALL_LANES, x, i);
  return x;
}

__device__ __forceinline__ float warpMax(float x) {
#pragma unroll
  for (int i = WARP / 2; i > 0; i /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, i));
  return x;
}

// `scratch` holds 32 floats; the block is whole warps. Ends with a barrier's worth of safety: call again at will.
template <bool MAX> __device__ __forceinline__ float blockReduce(float x, float *scratch) {
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, warps = blockDim.x / WARP;
  x = MAX ? warpMax(x) : warpSum(x);
  __syncthreads();
  if (lane == 0) scratch[warp] = x;
  __syncthreads();
  float y = lane < warps ? scratch[lane] : (MAX ? -INFINITY : 0.f);
  return MAX ? warpMax(y) : warpSum(y);
}
__device__ __forceinline__ float blockSum(float x, float *scratch) { return blockReduce<false>(x, scratch); }
__device__ __forceinline__ float blockMax(float x, float *scratch) { return blockReduce<true>(x, scratch); }
