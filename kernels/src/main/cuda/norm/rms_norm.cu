// out = x / sqrt(mean(x^2) + epsilon) * weight, a block a row (Zhang and Sennrich 2019, section 3). `out` may be `x`.
#include "../common/order.cuh"
#include "../common/reduce.cuh"

extern "C" __global__ void rms_norm(float *out, long long outStride, const float *x, long long xStride, const float *weight, int columns, float epsilon) {
  __shared__ float scratch[WARP];
  startAfterPrevious();
  x += blockIdx.x * xStride;
  out += blockIdx.x * outStride;
  float squares = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) squares = fmaf(x[i], x[i], squares);
  squares = blockSum(squares, scratch);
  float inverse = 1.f / sqrtf(squares / columns + epsilon);
  for (int i = threadIdx.x; i < columns; i += blockDim.x) out[i] = x[i] * inverse * weight[i];
}
