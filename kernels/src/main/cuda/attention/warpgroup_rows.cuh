// Many query rows over plain pages on Hopper: a warpgroup takes 64 rows, two pages a step; its products run while it weighs other scores (Shah et al. 2024,
// FlashAttention-3, section 3.2): those of the next keys together with those of the values before.
#pragma once
#include "../common/wgmma.cuh"
#include "row_block.cuh"

// Steps in shared memory: one that is read, the values of the one before, one that arrives. A page is keys [D][64], then values [64][D], 64 channels side by side.
constexpr int STEP_PAGES = 2, STEP_TOKENS = STEP_PAGES * PAGE_TOKENS, STEP_STAGES = 3, STAGE_ALIGNMENT = 1024;

template <int D> struct WarpgroupRows : RowBlock<D> {
  static constexpr int SIDE = PAGE_TOKENS * D * 2, PAGE = 2 * SIDE, STEP = STEP_PAGES * PAGE, HALF = PAGE_TOKENS * 128;
  // Of the step whose values have not been mixed yet.
  uint32_t weights[STEP_TOKENS / 16][4];

  using RowBlock<D>::RowBlock;

  // Where a chunk (8 elements) of a channel's keys lies from the step's beginning, and of a token's values.
  static __device__ __forceinline__ uint32_t keyPlace(int channel, int chunk) { return place<8>(channel, chunk); }
  static __device__ __forceinline__ uint32_t valuePlace(int token, int chunk) {
    return token / PAGE_TOKENS * PAGE + SIDE + chunk / 8 * HALF + place<8>(token % PAGE_TOKENS, chunk % 8);
  }

  __device__ __forceinline__ void multiplyKeys(float (&score)[STEP_TOKENS / 8][4], uint32_t step) {
    uint64_t keys = columnsDescriptor(step, PAGE);
#pragma unroll
    for (int k = 0; k < D / 16; k++) rowsProduct<STEP_TOKENS>(score[0], this->queries[k], keys + k * (2048 >> 4), k > 0);
    commitWarpgroup();
  }
  __device__ __forceinline__ void mixValues(uint32_t step) {
#pragma unroll
    for (int k = 0; k < STEP_TOKENS / 16; k++) rowsProduct<D>(this->mixed[0], weights[k], columnsDescriptor(step + k / 4 * PAGE + SIDE, HALF) + k % 4 * (2048 >> 4), true);
    commitWarpgroup();
  }

  // The first step.
  template <class Meanwhile, class Hides> __device__ __forceinline__ void begin(uint32_t step, Meanwhile meanwhile, bool masked, Hides hides) {
    float score[STEP_TOKENS / 8][4], shrink[2];
    beginWarpgroup();
    multiplyKeys(score, step);
    meanwhile();
    waitForWarpgroup<0>();
    this->weigh(shrink, score, masked, hides);
    this->packWeights(weights, score);
  }
  // The next step's keys, and the values of the one before; meanwhile() is done while they are multiplied.
  template <class Meanwhile, class Hides>
  __device__ __forceinline__ void advance(uint32_t step, uint32_t before, Meanwhile meanwhile, bool masked, Hides hides) {
    float score[STEP_TOKENS / 8][4], shrink[2];
    beginWarpgroup();
    multiplyKeys(score, step);
    mixValues(before);
    meanwhile();
    waitForWarpgroup<1>();
    this->weigh(shrink, score, masked, hides);
    waitForWarpgroup<0>(); // The weights before are read until then.
    this->packWeights(weights, score);
    this->rescale(shrink);
  }
  // The last step's values.
  __device__ __forceinline__ void finish(uint32_t step) {
    beginWarpgroup();
    mixValues(step);
    waitForWarpgroup<0>();
  }
};
