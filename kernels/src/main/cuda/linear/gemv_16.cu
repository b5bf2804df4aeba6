// y = W x + b for one row of x and 16-bit weights, at the rate that memory delivers W. Tensor cores take 16 rows of W at a time, so nothing is left to do
// between two loads; x stays what it is: the sum of three 16-bit numbers (three columns of the product), whose products are exact and whose sums are float32.
#include <type_traits>

#include "../common/mma.cuh"
#include "../common/order.cuh"
#include "../common/vec_io.cuh"
#include "row_products.cuh"

constexpr int WARPS = 16, THREADS = WARPS * WARP, PAIRS = 8, STEP = 32, LOADS = 5, TERMS = 3, PER_LOAD = 8;

// A matrix of 16-bit numbers, row after row.
template <class T> struct Dense {
  const T *elements;
};

// x as sums of TERMS elements of T: [TERMS][stride], zeros after the last column.
__device__ __forceinline__ int termStride(int columns) { return (columns + STEP - 1) / STEP * STEP + STEP; }

__device__ __forceinline__ bf16 truncated(float x, bf16) { return __ushort_as_bfloat16(__float_as_uint(x) >> 16); }
__device__ __forceinline__ f16 truncated(float x, f16) { return __float2half_rz(x); }

// BF16 has float32's range. F16 ends at 65504: the largest magnitude is brought below 2^15.
__device__ __forceinline__ float scaleFor(float largest) {
  return largest > 0 && largest < INFINITY ? exp2f((float)min(126, 14 - ilogbf(largest))) : 1.f;
}

__device__ __forceinline__ float largestOf(float4 v) { return fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w))); }

// Fills `terms`; returns what sums of products are to be multiplied with, and the part of it that is the norm's.
template <class T> __device__ __forceinline__ float2 stage(T *terms, const float *x, int columns, const Norm &norm) {
  float squares = 0, scale = 1;
  if (std::is_same<T, f16>::value) {
    __shared__ float scratch[WARP];
    float largest = 0, ignored;
    for (int i = threadIdx.x; i < columns / 4; i += THREADS) largest = fmaxf(largest, largestOf(norm.weighted(fourOf(x, i), i, ignored)));
    scale = scaleFor(blockMax(largest, scratch));
  }
  int stride = termStride(columns);
#pragma unroll 2
  for (int i = threadIdx.x; i < stride / 4; i += THREADS) {
    float4 v = make_float4(0, 0, 0, 0);
    if (i < columns / 4) v = norm.weighted(fourOf(x, i), i, squares);
    float rest[4] = {v.x * scale, v.y * scale, v.z * scale, v.w * scale};
#pragma unroll
    for (int term = 0; term < TERMS; term++) {
      T part[4];
#pragma unroll
      for (int j = 0; j < 4; j++) part[j] = truncated(rest[j], T()), rest[j] -= toFloat(part[j]);
      *(uint2 *)(terms + term * stride + 4 * i) = *(uint2 *)part;
    }
  }
  float inverse = norm.inverseRoot(squares, columns);
  return make_float2(inverse / scale, inverse);
}

// A step is 32 columns of 16 rows. The warps of a block take steps in turn; a batch is LOADS steps of one warp, 16 bytes of two rows a lane and step.
struct Batch {
  uint4 first[LOADS], second[LOADS];

  static __device__ __forceinline__ int step(int index, int u) { return (index * LOADS + u) * WARPS + threadIdx.x / WARP; }

  template <class T> __device__ __forceinline__ void load(const T *firstRow, const T *secondRow, int index, int columns) {
    const uint4 none = make_uint4(0, 0, 0, 0);
#pragma unroll
    for (int u = 0; u < LOADS; u++) {
      int column = step(index, u) * STEP + threadIdx.x % 4 * PER_LOAD;
      bool exists = column < columns;
      first[u] = exists ? loadOnce(firstRow + column) : none, second[u] = exists ? loadOnce(secondRow + column) : none;
    }
  }

  // sums [rows lane / 4 and lane / 4 + 8][terms]. A lane's 8 columns are 4 of two products of 16 columns each, in an order that both operands share.
  template <class T> __device__ __forceinline__ void multiply(float *sums, const T *terms, int index, int columns) const {
    int lane = threadIdx.x % WARP, term = lane / 4;
    const T *mine = terms + min(term, TERMS - 1) * termStride(columns) + lane % 4 * PER_LOAD;
#pragma unroll
    for (int u = 0; u < LOADS; u++) {
      if (step(index, u) * STEP >= columns) break;
      uint4 x = make_uint4(0, 0, 0, 0);
      if (term < TERMS) x = *(const uint4 *)(mine + step(index, u) * STEP);
      const uint32_t low[4] = {first[u].x, second[u].x, first[u].y, second[u].y}, high[4] = {first[u].z, second[u].z, first[u].w, second[u].w};
      mma<T>(sums, low, x.x, x.y);
      mma<T>(sums, high, x.z, x.w);
    }
  }
};

// Adds the terms of each row and leaves them for the block: partial [WARPS][16].
__device__ __forceinline__ void leave(float *partial, const float *sums) {
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  float last0 = __shfl_down_sync(ALL_LANES, sums[0], 1), last1 = __shfl_down_sync(ALL_LANES, sums[2], 1);
  if (lane % 4 != 0) return;
  partial[warp * 2 * PAIRS + lane / 4] = sums[0] + (sums[1] + last0);
  partial[warp * 2 * PAIRS + PAIRS + lane / 4] = sums[2] + (sums[3] + last1);
}

__device__ __forceinline__ float collect(const float *partial, int row) {
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < WARPS; warp++) sum += partial[warp * 2 * PAIRS + row];
  return sum;
}

// `Rows` says which two rows pair p of tile t are, and takes their results.
template <class T, class Rows> __device__ void run(const float *x, int columns, const Norm &norm, const Rows &rows) {
  extern __shared__ __align__(16) char shared[];
  __shared__ float partials[2][WARPS * 2 * PAIRS];
  T *terms = (T *)shared;
  int lane = threadIdx.x % WARP, batches = (columns + STEP * WARPS * LOADS - 1) / (STEP * WARPS * LOADS), tile = blockIdx.x, batch = 0, turn = 0;
  const T *first, *second;
  auto elements = [&](const Place<Dense<T>> &place) { return place.weight.elements + (long long)min(place.row, place.rows - 1) * columns; };
  auto locate = [&](int of) { first = elements(rows.locate(of, lane / 4, false)), second = elements(rows.locate(of, lane / 4, true)); };
  locate(tile);
  Batch now, next;
  now.load(first, second, 0, columns);
  // The first weights are on their way before x is known to be complete.
  startAfterPrevious();
  float2 factors = stage(terms, x, columns, norm);
  float sums[4] = {0, 0, 0, 0};
  while (tile < rows.tiles) {
    bool last = batch + 1 == batches;
    int nextTile = last ? tile + gridDim.x : tile, nextBatch = last ? 0 : batch + 1;
    if (nextTile < rows.tiles) {
      if (last) locate(nextTile);
      next.load(first, second, nextBatch, columns);
    }
    now.multiply(sums, terms, batch, columns);
    if (last) {
      float *partial = partials[turn % 2];
      leave(partial, sums);
      __syncthreads();
      if (threadIdx.x / WARP == turn % WARPS && lane < PAIRS) rows.finish(tile, lane, collect(partial, lane) * factors.x, collect(partial, lane + PAIRS) * factors.x);
      turn++;
      sums[0] = sums[1] = sums[2] = sums[3] = 0;
    }
    now = next, tile = nextTile, batch = nextBatch;
  }
  if (blockIdx.x == 0) norm.leave(x, columns, factors.y);
}

#define ENTRY(SUFFIX, T)                                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                                     \
      gemv_##SUFFIX(const float *x, int columns, const float *normWeight, float *normed, float epsilon, const T *w0, const float *b0, float *y0, int n0,    \
                    int half0, const T *w1, const float *b1, float *y1, int n1, int half1, const T *w2, const float *b2, float *y2, int n2, int half2,      \
                    float *residual, const float2 *angles, int rotated, const unsigned long long *pages, const int *position, int headDim, int isFloat) {   \
    using Rows = Part<Dense<T>, PAIRS>;                                                                                                                            \
    run<T>(x, columns, Norm{normWeight, normed, epsilon},                                                                                                   \
           Products<Dense<T>, PAIRS>(Rows{{w0}, b0, y0, n0, half0}, Rows{{w1}, b1, y1, n1, half1}, Rows{{w2}, b2, y2, n2, half2}, residual, angles, rotated, \
                                     Append{pages, position, headDim, isFloat != 0}));                                                                      \
  }                                                                                                                                                         \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                                     \
      gemv_gated_##SUFFIX(const float *x, int columns, const float *normWeight, float *normed, float epsilon, const T *w0, const float *b0, float *y0,      \
                          int n0, int half0, const T *w1, const float *b1, float *y1, int n1, int half1) {                                                  \
    using Rows = Part<Dense<T>, PAIRS>;                                                                                                                            \
    run<T>(x, columns, Norm{normWeight, normed, epsilon}, Gated<Dense<T>, PAIRS>(Rows{{w0}, b0, y0, n0, half0}, Rows{{w1}, b1, y1, n1, half1}));       \
  }
ENTRY(bf16, bf16)
ENTRY(f16, f16)
