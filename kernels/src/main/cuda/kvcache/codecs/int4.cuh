// Codes of 4 bits, eight to a little-endian word (GroupLayout.java): as pairs of F16 for tensor cores. The pairs of a word are codes (0, 4), (1, 5), (2, 6)
// and (3, 7), so whatever the codes are multiplied with is taken in that order.
#pragma once
#include "../../common/dtypes.cuh"

// (word & mask) | 0x6400 in both halves: F16 numbers 1024 + code, or 1024 + 16 code.
__device__ __forceinline__ uint32_t selectCodes(uint32_t word, uint32_t mask) {
  uint32_t r;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(r) : "r"(word), "r"(mask), "r"(0x64006400u));
  return r;
}

// 1024 + c, 1024 + 16 c, 1024 + c, 1024 + 16 c: the sum of what the codes are multiplied with takes the 1024 out again, a sixteenth in it the 16.
__device__ __forceinline__ void offsetCodes(uint32_t word, uint32_t *pairs) {
  uint32_t high = word >> 8;
  pairs[0] = selectCodes(word, 0x000f000f), pairs[1] = selectCodes(word, 0x00f000f0), pairs[2] = selectCodes(high, 0x000f000f), pairs[3] = selectCodes(high, 0x00f000f0);
}

__device__ __forceinline__ uint32_t halfSub(uint32_t a, uint32_t b) {
  __half2 r = __hsub2(*(__half2 *)&a, *(__half2 *)&b);
  return *(uint32_t *)&r;
}
__device__ __forceinline__ uint32_t halfFma(uint32_t a, uint32_t b, uint32_t c) {
  __half2 r = __hfma2(*(__half2 *)&a, *(__half2 *)&b, *(__half2 *)&c);
  return *(uint32_t *)&r;
}

// The codes themselves.
__device__ __forceinline__ void exactCodes(uint32_t word, uint32_t *pairs) {
  offsetCodes(word, pairs);
  constexpr uint32_t OFFSET = 0x64006400u, SIXTEENTH = 0x2c002c00u, MINUS_64 = 0xd400d400u;
  pairs[0] = halfSub(pairs[0], OFFSET), pairs[1] = halfFma(pairs[1], SIXTEENTH, MINUS_64);
  pairs[2] = halfSub(pairs[2], OFFSET), pairs[3] = halfFma(pairs[3], SIXTEENTH, MINUS_64);
}
