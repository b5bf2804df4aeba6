// Writes keys and values of rows [rows, numKvHeads * headDim] into plain pages: rows that follow one another, or one of each of several sequences, whose page
// tables are so many bytes from the first. Grid: (rows, blocks of columns).
#include "../common/dtypes.cuh"
#include "../common/order.cuh"
#include "plain_pages.cuh"

template <class T>
__device__ void append(const unsigned long long *pages, const long long *tableOffsets, const float *keys, long long keyStride, const float *values, long long valueStride,
                       const int *positions, int headDim, int columns) {
  startAfterPrevious();
  int column = blockIdx.y * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  long long row = blockIdx.x;
  if (tableOffsets) pages += tableOffsets[row] / (long long)sizeof(*pages);
  int position = tableOffsets ? positions[row] : *positions + (int)row, slot = position % PAGE_TOKENS, head = column / headDim, channel = column % headDim;
  headKeys<T>(pages, position / PAGE_TOKENS, head, headDim)[channel * PAGE_TOKENS + slot] = fromFloat<T>(keys[row * keyStride + column]);
  headValues<T>(pages, position / PAGE_TOKENS, head, headDim)[slot * headDim + channel] = fromFloat<T>(values[row * valueStride + column]);
}

#define ENTRY(SUFFIX, T)                                                                                                                        \
  extern "C" __global__ void append_plain_##SUFFIX(const unsigned long long *pages, const long long *tableOffsets, const float *keys, long long keyStride, const float *values, \
                                                   long long valueStride, const int *positions, int headDim, int columns) {                 \
    append<T>(pages, tableOffsets, keys, keyStride, values, valueStride, positions, headDim, columns);                                                 \
  }
ENTRY(f32, float)
ENTRY(bf16, bf16)
