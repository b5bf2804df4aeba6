// out = x W^T + b in float32 arithmetic, for any size and alignment: tiles of 64 x 64, 256 threads, 4 x 4 results a thread.
// Each result is one sum over k in order, whatever the number of rows. Grid: (blocks of out features, blocks of rows).
#include "../common/dtypes.cuh"
#include "../common/order.cuh"

constexpr int TILE = 64, DEPTH = 16, THREADS = 256, PAD = 4;

template <class T>
__device__ void product(float *out, long long outStride, const float *x, long long xStride, const T *weight, const float *bias, int rows, int outFeatures, int inFeatures) {
  __shared__ float xs[DEPTH][TILE + PAD], ws[DEPTH][TILE + PAD];
  startAfterPrevious();
  int row0 = blockIdx.y * TILE, feature0 = blockIdx.x * TILE, tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float sum[4][4] = {};
  for (int k0 = 0; k0 < inFeatures; k0 += DEPTH) {
    for (int i = threadIdx.x; i < TILE * DEPTH; i += THREADS) {
      int r = i / DEPTH, k = i % DEPTH;
      bool inK = k0 + k < inFeatures;
      xs[k][r] = inK && row0 + r < rows ? x[(row0 + r) * xStride + k0 + k] : 0.f;
      ws[k][r] = inK && feature0 + r < outFeatures ? toFloat(weight[(long long)(feature0 + r) * inFeatures + k0 + k]) : 0.f;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
      float4 a = *(const float4 *)&xs[k][ty * 4], b = *(const float4 *)&ws[k][tx * 4];
      float av[4] = {a.x, a.y, a.z, a.w}, bv[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sum[i][j] = fmaf(av[i], bv[j], sum[i][j]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      int row = row0 + ty * 4 + i, feature = feature0 + tx * 4 + j;
      if (row < rows && feature < outFeatures) out[row * outStride + feature] = bias ? sum[i][j] + bias[feature] : sum[i][j];
    }
}

#define ENTRY(SUFFIX, T)                                                                                                                 \
  extern "C" __global__ void __launch_bounds__(THREADS) gemm_f32_##SUFFIX(float *out, long long outStride, const float *x, long long xStride, \
                                                                          const T *weight, const float *bias, int rows, int outFeatures,     \
                                                                          int inFeatures) {                                              \
    product<T>(out, outStride, x, xStride, weight, bias, rows, outFeatures, inFeatures);                                                 \
  }
ENTRY(f32, float)
ENTRY(bf16, bf16)
ENTRY(f16, f16)
