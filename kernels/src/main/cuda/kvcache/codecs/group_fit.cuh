// The grid of one group and its codes, bit for bit as GroupQuantizer.java specifies: 16 lanes take elements i, i + 16, ..., then lanes are added pairwise. Both
// halves of a warp call together, each with a group of its own.
#pragma once
#include "../../common/dtypes.cuh"
#include "../../common/reduce.cuh"

constexpr int LANES = 16;

__device__ __forceinline__ float laneSum(float x) {
#pragma unroll
  for (int i = LANES / 2; i > 0; i /= 2) x = __fadd_rn(x, __shfl_xor_sync(ALL_LANES, x, i));
  return x;
}
__device__ __forceinline__ int laneSum(int x) {
#pragma unroll
  for (int i = LANES / 2; i > 0; i /= 2) x += __shfl_xor_sync(ALL_LANES, x, i);
  return x;
}

struct Grid {
  __half scale, zero;

  __device__ __forceinline__ float step() const { return __half2float(scale); }
  __device__ __forceinline__ float first() const { return __half2float(zero); }
  __device__ __forceinline__ float inverse() const { return step() > 0 ? __fdiv_rn(1.f, step()) : 0.f; }
};

__device__ __forceinline__ int codeOf(float x, float inverseStep, float first, int maxCode) {
  float position = __fmul_rn(__fsub_rn(x, first), inverseStep);
  return (int)rintf(fmaxf(0.f, fminf((float)maxCode, position)));
}

// The elements of a group that this lane takes: element(i) for i = lane, lane + 16, ..., below size; a bit of `excluded` leaves element i out.
template <class Element> struct Group {
  Element element;
  int size, lane, count, maxCode;
  unsigned long long excluded;
  float low, high, sum;

  __device__ __forceinline__ bool includes(int i) const { return i >= 64 || (excluded >> i & 1) == 0; }

  __device__ Group(Element element, int size, unsigned long long excluded, int maxCode)
      : element(element), size(size), lane(threadIdx.x % LANES), count(size - __popcll(excluded)), maxCode(maxCode), excluded(excluded) {
    low = INFINITY, high = -INFINITY;
    for (int i = lane; i < size; i += LANES)
      if (includes(i)) low = fminf(low, element(i)), high = fmaxf(high, element(i));
#pragma unroll
    for (int i = LANES / 2; i > 0; i /= 2)
      low = fminf(low, __shfl_xor_sync(ALL_LANES, low, i)), high = fmaxf(high, __shfl_xor_sync(ALL_LANES, high, i));
    // -0 + 0 is +0.
    low = __fadd_rn(low, 0.f), high = __fadd_rn(high, 0.f);
    float own = 0;
    for (int i = lane; i < size; i += LANES)
      if (includes(i)) own = __fadd_rn(own, __fsub_rn(element(i), low));
    sum = laneSum(own);
  }

  __device__ Grid refit(float inverseStep, float first) const {
    int codeSum = 0, codeSquares = 0;
    float products = 0;
    for (int i = lane; i < size; i += LANES)
      if (includes(i)) {
        float x = element(i);
        int code = codeOf(x, inverseStep, first, maxCode);
        codeSum += code, codeSquares += code * code;
        products = __fmaf_rn((float)code, __fsub_rn(x, low), products);
      }
    codeSum = laneSum(codeSum), codeSquares = laneSum(codeSquares), products = laneSum(products);
    // Both products may pass 2^31; their difference never does.
    int determinant = (int)((unsigned)count * (unsigned)codeSquares - (unsigned)codeSum * (unsigned)codeSum);
    float numerator = __fmaf_rn((float)count, products, -__fmul_rn((float)codeSum, sum));
    float slope = determinant > 0 ? __fdiv_rn(numerator, (float)determinant) : 0.f;
    Grid grid;
    grid.scale = slope > 0 ? __float2half_rn(fminf(slope, 65504.f)) : __float2half_rn(0.f);
    float rest = __fdiv_rn(__fmaf_rn(-grid.step(), (float)codeSum, sum), (float)count);
    grid.zero = __float2half_rn(fmaxf(-65504.f, fminf(65504.f, __fadd_rn(low, rest))));
    return grid;
  }

  __device__ Grid refine(float coverage) const {
    float range = __fsub_rn(high, low), step = __fmul_rn(range, __fdiv_rn(coverage, (float)maxCode));
    float first = __fmaf_rn(-0.5f * maxCode, step, __fmaf_rn(range, 0.5f, low));
    Grid grid = refit(range > 0x1p-24f ? __fdiv_rn(1.f, step) : 0.f, first);
    return refit(grid.inverse(), grid.first());
  }

  __device__ float squaredError(Grid grid) const {
    float inverse = grid.inverse(), squares = 0;
    for (int i = lane; i < size; i += LANES)
      if (includes(i)) {
        float x = element(i);
        float error = __fsub_rn(x, __fmaf_rn(grid.step(), (float)codeOf(x, inverse, grid.first(), maxCode), grid.first()));
        squares = __fmaf_rn(error, error, squares);
      }
    return laneSum(squares);
  }

  // Every lane gets the same grid: all that it follows from is.
  __device__ Grid fit() const {
    Grid best;
    if (count == 0) {
      best.scale = best.zero = __float2half_rn(0.f);
      // The other half of the warp may have a group to fit.
    }
    const int coverages = maxCode == 255 ? 1 : maxCode == 15 ? 2 : 4;
    float bestError = 0;
    for (int i = 0; i < coverages; i++) {
      float coverage = maxCode == 15 ? 1.f - 0.125f * i : i == 0 ? 1.f : 0.9375f - 0.1875f * i;
      Grid grid = refine(coverage);
      float error = coverages > 1 ? squaredError(grid) : 0.f;
      if (count > 0 && (i == 0 || error < bestError)) best = grid, bestError = error;
    }
    return best;
  }
};
