// out[row] = table[ids[row]], widened exactly. Grid: (rows, blocks of columns).
#include "../common/dtypes.cuh"
#include "../common/order.cuh"

template <class T>
__device__ void lookUp(float *out, long long outStride, const T *table, const int *ids, int columns) {
  startAfterPrevious();
  long long row = blockIdx.x;
  int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column < columns) out[row * outStride + column] = toFloat(table[(long long)ids[row] * columns + column]);
}

#define ENTRY(SUFFIX, T)                                                                                                                  \
  extern "C" __global__ void embedding_##SUFFIX(float *out, long long outStride, const T *table, const int *ids, int columns) { \
    lookUp<T>(out, outStride, table, ids, columns);                                                                                  \
  }
ENTRY(f32, float)
ENTRY(bf16, bf16)
ENTRY(f16, f16)
