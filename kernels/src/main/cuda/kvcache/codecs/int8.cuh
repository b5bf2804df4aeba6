// Codes of 8 bits, four to a little-endian word: as pairs of F16 for tensor cores, codes (0, 1) and (2, 3).
#pragma once
#include "int4.cuh"

// 1024 + c in both halves: the sum of what the codes are multiplied with takes the 1024 out again.
__device__ __forceinline__ void offsetBytes(uint32_t word, uint32_t *pairs) {
  pairs[0] = __byte_perm(word, 0x64646464u, 0x4140), pairs[1] = __byte_perm(word, 0x64646464u, 0x4342);
}

// The codes themselves.
__device__ __forceinline__ void exactBytes(uint32_t word, uint32_t *pairs) {
  offsetBytes(word, pairs);
  pairs[0] = halfSub(pairs[0], 0x64006400u), pairs[1] = halfSub(pairs[1], 0x64006400u);
}
