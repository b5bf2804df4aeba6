// Rows of packed codes as operands of tensor cores. A product over 16 elements takes four of each of the four lanes that share a row, so a "step" is four
// elements of a lane: which ones is free, as long as codes and what they are multiplied with agree. Codes stay where they lie in their word: a code in the low
// bits of an F16 number is the code times 2^-24, exactly, so masking is all the unpacking there is; one that begins at bit 4 counts 16 times.
#pragma once
#include <stdint.h>

constexpr float CODE_UNIT = 0x1p-24f;

// The pairs of a word: with 4 bits (0, 4), (1, 5) times 16, (2, 6), (3, 7) times 16; of bytes (0, 2), (1, 3).
template <int BITS> __device__ __forceinline__ void pairsOf(uint32_t word, uint32_t *pairs) {
  uint32_t high = word >> 8;
  if constexpr (BITS == 4)
    pairs[0] = word & 0x000f000fu, pairs[1] = word & 0x00f000f0u, pairs[2] = high & 0x000f000fu, pairs[3] = high & 0x00f000f0u;
  else
    pairs[0] = word & 0x00ff00ffu, pairs[1] = high & 0x00ff00ffu;
}

// Keys: a token's row of D channels in GROUPS groups; a lane (one of 4 `pair`s) takes D / 16 steps, each within one group.
template <int BITS, int D, int GROUPS> struct KeyRow {
  static constexpr int ROW_BYTES = D * BITS / 8, WORDS = ROW_BYTES / 16, STEPS_A_WORD = 8 / BITS;
  // Neighbouring bytes of a lane, and how many times it has them.
  static constexpr int PART_BYTES = ROW_BYTES / GROUPS / 4 < 16 ? ROW_BYTES / GROUPS / 4 : 16, PARTS = ROW_BYTES / 4 / PART_BYTES;
  uint32_t words[WORDS];

  __device__ __forceinline__ static constexpr int groupOf(int step) { return step / STEPS_A_WORD * 4 / PART_BYTES * GROUPS / PARTS; }
  // Channel of element i of a step: of the first pair 0 and 1, of the second 2 and 3.
  __device__ __forceinline__ static int channel(int pair, int step, int i) {
    int byte = step / STEPS_A_WORD * 4, first = (byte / PART_BYTES * 4 * PART_BYTES + pair * PART_BYTES + byte % PART_BYTES) * 8 / BITS;
    return first + (BITS == 4 ? step % 2 * 2 + i % 2 * 4 + i / 2 : i % 2 * 2 + i / 2);
  }
  // What the codes of the second pair of a step count more than those of the first.
  static constexpr float SECOND = BITS == 4 ? 16.f : 1.f;

  // A row lies at a multiple of 128 bytes and `at` more, with the address bits `turn` turned over.
  __device__ __forceinline__ void load(const uint8_t *row, int at, int turn, int pair) {
#pragma unroll
    for (int p = 0; p < PARTS; p++) {
      const uint8_t *from = row + ((at + p * 4 * PART_BYTES + pair * PART_BYTES) ^ turn);
      if constexpr (PART_BYTES == 16)
        *(uint4 *)(words + 4 * p) = *(const uint4 *)from;
      else
        *(uint2 *)(words + 2 * p) = *(const uint2 *)from;
    }
  }
  __device__ __forceinline__ void unpack(int word, uint32_t *pairs) const { pairsOf<BITS>(words[word], pairs); }
};

// Values: a channel's row of 64 tokens; a lane takes tokens 16 pair ... 16 pair + 15 in four steps. Scores come in that order: row r of the 16 of step s is
// token firstToken(r) + offset(s), row r + 8 the token after it.
template <int BITS> struct ValueRow {
  static constexpr int ROW_BYTES = 8 * BITS, WORDS = BITS / 2, STEPS_A_WORD = 8 / BITS;
  static constexpr float SECOND = BITS == 4 ? 16.f : 1.f;
  uint32_t words[WORDS];

  __device__ __forceinline__ static int firstToken(int row) { return row / 2 * 16 + row % 2 * (BITS == 4 ? 4 : 2); }
  __device__ __forceinline__ static constexpr int offset(int step) { return BITS == 4 ? step / 2 * 8 + step % 2 * 2 : 4 * step; }
  // The r of a token.
  __device__ __forceinline__ static int rowOf(int token) { return token / 16 * 2 + (token >> (BITS == 4 ? 2 : 1) & 1); }

  __device__ __forceinline__ void load(const uint8_t *row, int pair) {
    if constexpr (BITS == 4)
      *(uint2 *)words = *(const uint2 *)(row + pair * 8);
    else
      *(uint4 *)words = *(const uint4 *)(row + pair * 16);
  }
  __device__ __forceinline__ void unpack(int word, uint32_t *pairs) const { pairsOf<BITS>(words[word], pairs); }
};
