// Rows of activations as 16-bit operands of a matrix product, dense. BF16 is rounded; F16 is first scaled by a power of two for each row so that the largest
// element lies in [2^14, 2^15), and `scales` holds the inverse. Grid: rows; with BF16 (rows, blocks of columns).
#include "../common/dtypes.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"

extern "C" __global__ void narrow_bf16(bf16 *out, const float *x, long long stride, int columns) {
  startAfterPrevious();
  x += blockIdx.x * stride;
  out += (long long)blockIdx.x * columns;
  for (int i = blockIdx.y * blockDim.x + threadIdx.x; i < columns; i += gridDim.y * blockDim.x) out[i] = fromFloat<bf16>(x[i]);
}

extern "C" __global__ void narrow_f16(f16 *out, float *scales, const float *x, long long stride, int columns) {
  __shared__ float scratch[WARP];
  startAfterPrevious();
  x += blockIdx.x * stride;
  out += (long long)blockIdx.x * columns;
  float largest = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) largest = fmaxf(largest, fabsf(x[i]));
  largest = blockMax(largest, scratch);
  // Both the factor and its inverse are normal numbers.
  int exponent = largest > 0 && largest < INFINITY ? min(max(ilogbf(largest) - 14, -126), 126) : 0;
  float factor = ldexpf(1.f, -exponent);
  for (int i = threadIdx.x; i < columns; i += blockDim.x) out[i] = fromFloat<f16>(x[i] * factor);
  if (threadIdx.x == 0) scales[blockIdx.x] = ldexpf(1.f, exponent);
}
