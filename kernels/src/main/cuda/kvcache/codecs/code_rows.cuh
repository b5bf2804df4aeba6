// Rows of packed codes as operands of tensor cores. A product over 16 elements takes four of each of the four lanes that share a row, so a "step" is four
// elements of a lane: which ones is free, as long as codes and what they are multiplied with agree.
#pragma once
#include "int8.cuh"

// Keys: rows of D channels; a lane (one of 4 `pair`s) takes D / 16 steps.
template <int BITS, int D> struct KeyRow;

// 4 bits: a lane takes D / 4 neighbouring channels, so that with two groups of channels pairs 0 and 1 have the first, 2 and 3 the second.
template <int D> struct KeyRow<4, D> {
  static constexpr int WORDS = D / 32, STEPS_A_WORD = 2;
  uint32_t words[WORDS];

  __device__ __forceinline__ static int channel(int pair, int step, int i) { return pair * (D / 4) + step / 2 * 8 + step % 2 * 2 + i % 2 * 4 + i / 2; }
  // Codes of odd places come times 16.
  __device__ __forceinline__ static float factor(int i) { return i < 2 ? 1.f : 16.f; }
  template <int GROUPS> __device__ __forceinline__ static bool isOfGroup(int pair, int, int group) { return GROUPS == 1 || pair * GROUPS / 4 == group; }

  __device__ __forceinline__ void load(const uint8_t *row, int pair) {
    const uint8_t *from = row + pair * WORDS * 4;
    if constexpr (WORDS == 4) {
      uint4 x = *(const uint4 *)from;
      words[0] = x.x, words[1] = x.y, words[2] = x.z, words[3] = x.w;
    } else {
      uint2 x = *(const uint2 *)from;
      words[0] = x.x, words[1] = x.y;
    }
  }
  // The pairs of a word, two a step.
  __device__ __forceinline__ void unpack(int word, uint32_t *pairs) const { offsetCodes(words[word], pairs); }
};

// 8 bits: a lane takes 16 channels of every 64.
template <int D> struct KeyRow<8, D> {
  static constexpr int WORDS = D / 16, STEPS_A_WORD = 1;
  uint32_t words[WORDS];

  __device__ __forceinline__ static int channel(int pair, int step, int i) { return step / 4 * 64 + pair * 16 + step % 4 * 4 + i; }
  __device__ __forceinline__ static float factor(int) { return 1.f; }
  template <int GROUPS> __device__ __forceinline__ static bool isOfGroup(int, int step, int group) { return step / 4 * GROUPS / (D / 64) == group; }

  __device__ __forceinline__ void load(const uint8_t *row, int pair) {
#pragma unroll
    for (int j = 0; j < D / 64; j++) {
      uint4 x = *(const uint4 *)(row + j * 64 + pair * 16);
      words[4 * j] = x.x, words[4 * j + 1] = x.y, words[4 * j + 2] = x.z, words[4 * j + 3] = x.w;
    }
  }
  __device__ __forceinline__ void unpack(int word, uint32_t *pairs) const { offsetBytes(words[word], pairs); }
};

// Values: rows of 64 tokens; a lane takes tokens 16 pair ... 16 pair + 15 in four steps.
template <int BITS> struct ValueRow;

template <> struct ValueRow<4> {
  static constexpr int WORDS = 2, STEPS_A_WORD = 2;
  uint32_t words[WORDS];

  // Token of the row of weights that this lane names when it loads the operands of two steps.
  __device__ __forceinline__ static int token(int lane) { return lane % 8 / 2 * 16 + lane / 8 + 4 * (lane & 1); }
  __device__ __forceinline__ void load(const uint8_t *row, int pair) {
    uint2 x = *(const uint2 *)(row + pair * 8);
    words[0] = x.x, words[1] = x.y;
  }
  __device__ __forceinline__ void unpack(int word, uint32_t *pairs) const { exactCodes(words[word], pairs); }
};

template <> struct ValueRow<8> {
  static constexpr int WORDS = 4, STEPS_A_WORD = 1;
  uint32_t words[WORDS];

  __device__ __forceinline__ static int token(int lane) { return lane % 8 / 2 * 16 + (lane & 1) + 2 * (lane / 8); }
  __device__ __forceinline__ void load(const uint8_t *row, int pair) {
    uint4 x = *(const uint4 *)(row + pair * 16);
    words[0] = x.x, words[1] = x.y, words[2] = x.z, words[3] = x.w;
  }
  __device__ __forceinline__ void unpack(int word, uint32_t *pairs) const { exactBytes(words[word], pairs); }
};
