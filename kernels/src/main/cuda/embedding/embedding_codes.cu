// out[row] = table[ids[row]] for a table in codes, the bits of QuantizedWeight.dequantizeRow. Grid: rows.
#include "../common/codes.cuh"
#include "../common/order.cuh"

template <int BITS> __device__ void lookUp(float *out, long long outStride, const Codes &table, const int *ids, int columns, int group) {
  startAfterPrevious();
  int id = ids[blockIdx.x];
  out += blockIdx.x * outStride;
  for (int column = threadIdx.x; column < columns; column += blockDim.x) out[column] = codeValue<BITS>(table, id, column, columns, group);
  if (!table.outlierStarts) return;
  __syncthreads();
  for (int i = table.outlierStarts[id] + threadIdx.x; i < table.outlierStarts[id + 1]; i += blockDim.x) out[table.outlierColumns[i]] += table.outlierDifferences[i];
}

#define ENTRY(BITS)                                                                                                                                    \
  extern "C" __global__ void embedding_q##BITS(float *out, long long outStride, const uint8_t *codes, const f16 *scales, const f16 *zeros, const int *starts, \
                                               const int *places, const float *differences, const int *ids, int columns, int group) {                  \
    lookUp<BITS>(out, outStride, Codes{codes, scales, zeros, starts, places, differences}, ids, columns, group);                                       \
  }
ENTRY(4)
ENTRY(8)
