// Many query rows over plain pages on Hopper: a warpgroup takes 64 rows; its products run while it weighs other scores (Shah et al. 2024, FlashAttention-3,
// section 3.2): those of the next keys together with those of the values before.
#pragma once
#include "../common/wgmma.cuh"
#include "row_block.cuh"

// Pages in shared memory: two that are read, two that arrive. Keys [D][64], then values [64][D], 64 channels side by side.
constexpr int GROUP_STAGES = 4, GROUP_ALIGNMENT = 1024;

template <int D> struct WarpgroupRows : RowBlock<D> {
  static constexpr int SIDE = PAGE_TOKENS * D * 2, HALF = PAGE_TOKENS * 128;
  // Of the page whose values have not been mixed yet.
  uint32_t weights[4][4];

  using RowBlock<D>::RowBlock;

  // Where chunk c of a page's keys or values, 8 elements each, lies from the side's beginning.
  static __device__ __forceinline__ uint32_t keyPlace(int c) { return place<8>(c / 8, c % 8); }
  static __device__ __forceinline__ uint32_t valuePlace(int token, int chunk) { return chunk / 8 * HALF + place<8>(token, chunk % 8); }

  __device__ __forceinline__ void multiplyKeys(float score[8][4], uint32_t page) {
    uint64_t keys = columnsDescriptor(page, HALF);
#pragma unroll
    for (int k = 0; k < D / 16; k++) rowsProduct<PAGE_TOKENS>(score[0], this->queries[k], keys + k * (2048 >> 4), k > 0);
    commitWarpgroup();
  }
  __device__ __forceinline__ void mixValues(uint32_t page) {
    uint64_t values = columnsDescriptor(page + SIDE, HALF);
#pragma unroll
    for (int k = 0; k < PAGE_TOKENS / 16; k++) rowsProduct<D>(this->mixed[0], weights[k], values + k * (2048 >> 4), true);
    commitWarpgroup();
  }

  // The first page.
  template <class Hides> __device__ __forceinline__ void begin(uint32_t page, bool masked, Hides hides) {
    float score[8][4], shrink[2];
    beginWarpgroup();
    multiplyKeys(score, page);
    waitForWarpgroup<0>();
    this->weigh(shrink, score, masked, hides);
    this->packWeights(weights, score);
  }
  // The next page's keys, and the values of the one before.
  template <class Hides> __device__ __forceinline__ void advance(uint32_t page, uint32_t before, bool masked, Hides hides) {
    float score[8][4], shrink[2];
    beginWarpgroup();
    multiplyKeys(score, page);
    mixValues(before);
    waitForWarpgroup<1>();
    this->weigh(shrink, score, masked, hides);
    waitForWarpgroup<0>(); // The weights before are read until then.
    this->packWeights(weights, score);
    this->rescale(shrink);
  }
  // The last page's values.
  __device__ __forceinline__ void finish(uint32_t page) {
    beginWarpgroup();
    mixValues(page);
    waitForWarpgroup<0>();
  }
};
