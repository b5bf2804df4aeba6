// 16-byte loads, and dot products of what they bring with floats.
#pragma once
#include "dtypes.cuh"

// Weights are read once: they pass the caches by.
__device__ __forceinline__ uint4 loadOnce(const void *p) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
  return v;
}

template <class T> constexpr int PER_16_BYTES = 16 / (int)sizeof(T);

template <class T> __device__ __forceinline__ void widen(uint4 v, float *out);
template <> __device__ __forceinline__ void widen<float>(uint4 v, float *out) {
  out[0] = __uint_as_float(v.x), out[1] = __uint_as_float(v.y), out[2] = __uint_as_float(v.z), out[3] = __uint_as_float(v.w);
}
template <> __device__ __forceinline__ void widen<bf16>(uint4 v, float *out) {
  const uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
  for (int i = 0; i < 4; i++) out[2 * i] = __uint_as_float(w[i] << 16), out[2 * i + 1] = __uint_as_float(w[i] & 0xffff0000u);
}
template <> __device__ __forceinline__ void widen<f16>(uint4 v, float *out) {
  const uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float2 f = __half22float2(*(const __half2 *)&w[i]);
    out[2 * i] = f.x, out[2 * i + 1] = f.y;
  }
}
