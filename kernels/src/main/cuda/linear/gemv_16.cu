// y = W x + b for one row of x and 16-bit weights, at the rate that memory delivers W. Tensor cores take 16 rows of W at a time, so nothing is left to do
// between two loads; x stays what it is: the sum of three 16-bit numbers (three columns of the product), whose products are exact and whose sums are float32.
// Up to three matrices that share x run as one launch (q, k and v; gate and up), and what stands before and after joins where it can, since a kernel of its
// own costs as much as the products of a small matrix: RMSNorm of x before; a residual sum, a gated activation, or rotary embedding and the row's place in
// plain pages after. Blocks stay for the whole launch and take every so many tiles of 16 rows.
#include <type_traits>

#include "../common/mma.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"
#include "../common/vec_io.cuh"
#include "../kvcache/plain_pages.cuh"

constexpr int WARPS = 16, THREADS = WARPS * WARP, PAIRS = 8, STEP = 32, LOADS = 5, TERMS = 3, PER_LOAD = 8;

// x is to be x / sqrt(mean(x^2) + epsilon) * weight (Zhang and Sennrich 2019, section 3), which is also left in `normed` for others; as it is where `weight` is null.
struct Norm {
  const float *weight;
  float *normed;
  float epsilon;
};

// Rows of a matrix, in pairs `half` apart: the rows 2 half i + j and 2 half i + half + j.
template <class T> struct Part {
  const T *weight;
  const float *bias;
  float *out;
  int rows, half;

  __device__ int tiles() const { return ((rows + 2 * half - 1) / (2 * half) * half + PAIRS - 1) / PAIRS; }
  __device__ int first(int pair) const { return pair / half * 2 * half + pair % half; }
};

// Plain pages that take the second part as keys and the third as values; none where `pages` is null.
struct Append {
  const unsigned long long *pages;
  const int *position;
  int headDim;
  bool isFloat;

  template <class P> __device__ void store(bool isKey, int column, float x) const {
    int page = *position / PAGE_TOKENS, slot = *position % PAGE_TOKENS, head = column / headDim, channel = column % headDim;
    if (isKey)
      headKeys<P>(pages, page, head, headDim)[channel * PAGE_TOKENS + slot] = fromFloat<P>(x);
    else
      headValues<P>(pages, page, head, headDim)[slot * headDim + channel] = fromFloat<P>(x);
  }
  __device__ void store(bool isKey, int column, float x) const {
    if (isFloat)
      store<float>(isKey, column, x);
    else
      store<bf16>(isKey, column, x);
  }
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

// Fills `terms`; `room` [columns] is there if there is a norm. Returns what sums of products are to be multiplied with.
template <class T> __device__ __forceinline__ float stage(T *terms, float4 *room, const float *x, int columns, const Norm &norm) {
  __shared__ float scratch[WARP];
  constexpr bool SCALES = std::is_same<T, f16>::value;
  const float4 *input = (const float4 *)x;
  float squares = 0, largest = 0, inverse = 1;
#pragma unroll 2
  for (int i = threadIdx.x; (norm.weight || SCALES) && i < columns / 4; i += THREADS) {
    float4 v = input[i];
    if (norm.weight) {
      float4 g = ((const float4 *)norm.weight)[i];
      squares = fmaf(v.x, v.x, squares), squares = fmaf(v.y, v.y, squares), squares = fmaf(v.z, v.z, squares), squares = fmaf(v.w, v.w, squares);
      v.x *= g.x, v.y *= g.y, v.z *= g.z, v.w *= g.w;
      room[i] = v;
    }
    largest = fmaxf(largest, largestOf(v));
  }
  if (norm.weight) {
    inverse = 1.f / sqrtf(blockSum(squares, scratch) / columns + norm.epsilon);
    input = room;
  }
  float scale = SCALES ? scaleFor(blockMax(largest, scratch) * inverse) : 1;
  int stride = termStride(columns);
  for (int i = threadIdx.x; i < stride / 4; i += THREADS) {
    float4 v = i < columns / 4 ? input[i] : make_float4(0, 0, 0, 0);
    float rest[4] = {v.x * inverse, v.y * inverse, v.z * inverse, v.w * inverse};
    if (norm.weight && blockIdx.x == 0 && i < columns / 4) ((float4 *)norm.normed)[i] = make_float4(rest[0], rest[1], rest[2], rest[3]);
#pragma unroll
    for (int j = 0; j < 4; j++) rest[j] *= scale;
#pragma unroll
    for (int term = 0; term < TERMS; term++) {
      T part[4];
#pragma unroll
      for (int j = 0; j < 4; j++) part[j] = truncated(rest[j], T()), rest[j] -= toFloat(part[j]);
      *(uint2 *)(terms + term * stride + 4 * i) = *(uint2 *)part;
    }
  }
  __syncthreads();
  return 1 / scale;
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
  rows.locate(tile, lane / 4, first, second);
  Batch now, next;
  now.load(first, second, 0, columns);
  // The first weights are on their way before x is known to be complete.
  startAfterPrevious();
  float unscale = stage(terms, (float4 *)(terms + TERMS * termStride(columns)), x, columns, norm), sums[4] = {0, 0, 0, 0};
  while (tile < rows.tiles) {
    bool last = batch + 1 == batches;
    int nextTile = last ? tile + gridDim.x : tile, nextBatch = last ? 0 : batch + 1;
    if (nextTile < rows.tiles) {
      if (last) rows.locate(nextTile, lane / 4, first, second);
      next.load(first, second, nextBatch, columns);
    }
    now.multiply(sums, terms, batch, columns);
    if (last) {
      float *partial = partials[turn % 2];
      leave(partial, sums);
      __syncthreads();
      if (threadIdx.x / WARP == turn % WARPS && lane < PAIRS) rows.finish(tile, lane, collect(partial, lane) * unscale, collect(partial, lane + PAIRS) * unscale);
      turn++;
      sums[0] = sums[1] = sums[2] = sums[3] = 0;
    }
    now = next, tile = nextTile, batch = nextBatch;
  }
}

template <class T> struct Products {
  Part<T> a, b, c;
  float *residual;        // gets the first part's results added
  const float2 *angles;   // [half] of (cos, sin)
  int rotated;            // bits of the parts that are turned by them
  Append append;
  int columns, aTiles, bTiles, tiles;

  __device__ Part<T> part(int &tile, int &index) const {
    if (tile < aTiles) return index = 0, a;
    tile -= aTiles;
    if (tile < bTiles) return index = 1, b;
    tile -= bTiles;
    return index = 2, c;
  }
  __device__ void locate(int tile, int pair, const T *&first, const T *&second) const {
    int index;
    Part<T> p = part(tile, index);
    int row = p.first(tile * PAIRS + pair);
    first = p.weight + (long long)min(row, p.rows - 1) * columns, second = p.weight + (long long)min(row + p.half, p.rows - 1) * columns;
  }
  __device__ void finish(int tile, int pair, float y0, float y1) const {
    int index;
    Part<T> p = part(tile, index);
    int row = p.first(tile * PAIRS + pair), other = row + p.half;
    if (row >= p.rows) return;
    if (p.bias) y0 += p.bias[row], y1 += other < p.rows ? p.bias[other] : 0.f;
    if (rotated >> index & 1) {
      float2 angle = angles[row % (2 * p.half)];
      float before = y0;
      y0 = before * angle.x - y1 * angle.y, y1 = y1 * angle.x + before * angle.y;
    }
    put(p, index, row, y0);
    if (other < p.rows) put(p, index, other, y1);
  }
  __device__ void put(const Part<T> &p, int index, int row, float y) const {
    p.out[row] = y;
    if (residual) residual[row] += y;
    if (append.pages && index > 0) append.store(index == 1, row, y);
  }
};

// SwiGLU: each pair is the same row of both matrices; gate's results are replaced by silu(gate) * up.
template <class T> struct Gated {
  const T *gateWeight, *upWeight;
  const float *gateBias, *upBias;
  float *gate, *up;
  int rows, columns, tiles;

  __device__ void locate(int tile, int pair, const T *&first, const T *&second) const {
    long long at = (long long)min(tile * PAIRS + pair, rows - 1) * columns;
    first = gateWeight + at, second = upWeight + at;
  }
  __device__ void finish(int tile, int pair, float g, float u) const {
    int row = tile * PAIRS + pair;
    if (row >= rows) return;
    if (gateBias) g += gateBias[row];
    if (upBias) u += upBias[row];
    up[row] = u;
    gate[row] = g / (1.f + expf(-g)) * u;
  }
};

#define ENTRY(SUFFIX, T)                                                                                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                             \
      gemv_##SUFFIX(const float *x, int columns, const float *normWeight, float *normed, float epsilon, const T *w0, const float *b0, float *y0, int n0,    \
                    int half0, const T *w1, const float *b1, float *y1, int n1, int half1, const T *w2, const float *b2, float *y2, int n2, int half2,      \
                    float *residual, const float2 *angles, int rotated, const unsigned long long *pages, const int *position, int headDim, int isFloat) {   \
    Part<T> a{w0, b0, y0, n0, half0}, b{w1, b1, y1, n1, half1}, c{w2, b2, y2, n2, half2};                                                                   \
    int aTiles = a.tiles(), bTiles = b.tiles();                                                                                                             \
    run<T>(x, columns, Norm{normWeight, normed, epsilon},                                                                                                   \
           Products<T>{a, b, c, residual, angles, rotated, Append{pages, position, headDim, isFloat != 0}, columns, aTiles, bTiles, aTiles + bTiles + c.tiles()}); \
  }                                                                                                                                                         \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                             \
      gemv_gated_##SUFFIX(const float *x, int columns, const float *normWeight, float *normed, float epsilon, const T *w0, const float *b0, float *y0,      \
                          const T *w1, const float *b1, float *y1, int n) {                                                                                 \
    run<T>(x, columns, Norm{normWeight, normed, epsilon}, Gated<T>{w0, w1, b0, b1, y0, y1, n, columns, (n + PAIRS - 1) / PAIRS});                            \
  }
ENTRY(bf16, bf16)
ENTRY(f16, f16)
