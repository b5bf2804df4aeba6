// SwiGLU without its matrices, and the residual sum. Grid: (rows, blocks of columns).
#include "../common/order.cuh"

extern "C" __global__ void gated_activation(float *out, long long outStride, const float *gate, long long gateStride, const float *up, long long upStride, int columns) {
  startAfterPrevious();
  long long row = blockIdx.x;
  int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  float g = gate[row * gateStride + column];
  out[row * outStride + column] = g / (1.f + expf(-g)) * up[row * upStride + column];
}

extern "C" __global__ void residual_add(float *x, long long xStride, const float *delta, long long deltaStride, int columns) {
  startAfterPrevious();
  long long row = blockIdx.x;
  int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column < columns) x[row * xStride + column] += delta[row * deltaStride + column];
}
