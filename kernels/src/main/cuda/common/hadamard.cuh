// The normalized Walsh-Hadamard transform of a head, bit for bit that of HadamardTransform.java: blocks of falling powers of two.
#pragma once

// Where a channel's block begins, and its size.
struct HadamardBlock {
  int from, size;

  __device__ __forceinline__ HadamardBlock(int channel, int headDim) {
    from = 0, size = 1 << (31 - __clz(headDim));
    for (int rest = headDim; channel >= from + size && rest > size;) {
      from += size, rest -= size;
      size = 1 << (31 - __clz(rest));
    }
  }
};

// Transforms `row` [headDim] in shared memory; thread c of the block takes channel c, and all threads of the block call. Begins and ends with a barrier.
__device__ __forceinline__ void hadamard(float *row, int headDim) {
  int c = threadIdx.x;
  HadamardBlock block(c, headDim);
  for (int h = 1; h < headDim; h *= 2) {
    __syncthreads();
    bool takesPart = c < headDim && h < block.size;
    float x = 0;
    if (takesPart) {
      float own = row[c], other = row[block.from + ((c - block.from) ^ h)];
      x = (c - block.from) & h ? __fsub_rn(other, own) : __fadd_rn(own, other);
    }
    __syncthreads();
    if (takesPart) row[c] = x;
  }
  __syncthreads();
  if (c < headDim) row[c] = __fmul_rn(row[c], (float)(1.0 / sqrt((double)block.size)));
  __syncthreads();
}
