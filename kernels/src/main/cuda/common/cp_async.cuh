// Copies of 16 or 8 bytes from global to shared memory that do not pass through registers.
#pragma once
#include <stdint.h>

__device__ __forceinline__ uint32_t sharedAddress(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }
__device__ __forceinline__ void copyAsync(uint32_t shared, const void *global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(shared), "l"(global));
}
__device__ __forceinline__ void copyAsync8(uint32_t shared, const void *global) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;\n" ::"r"(shared), "l"(global));
}
// Of what others read the rest of soon.
__device__ __forceinline__ void copyOnceAsync(uint32_t shared, const void *global) {
  asm volatile("cp.async.cg.shared.global.L2::256B [%0], [%1], 16;\n" ::"r"(shared), "l"(global));
}
// Copies `bytes` (0 or 16) and fills the rest with zeros.
__device__ __forceinline__ void copyAsyncOrZero(uint32_t shared, const void *global, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared), "l"(global), "r"(bytes));
}
__device__ __forceinline__ void storeZeros(uint32_t shared) { asm volatile("st.shared.v4.b32 [%0], {%1, %1, %1, %1};\n" ::"r"(shared), "r"(0) : "memory"); }
__device__ __forceinline__ void commitCopies() { asm volatile("cp.async.commit_group;\n"); }
// Waits until at most N groups are under way.
template <int N> __device__ __forceinline__ void waitForCopies() { asm volatile("cp.async.wait_group %0;\n" ::"n"(N)); }
