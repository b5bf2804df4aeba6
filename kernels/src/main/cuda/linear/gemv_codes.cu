// y = W x + b for one row of x and weights in codes, at the rate that memory delivers the codes. Tensor cores take 32 rows of W at a time: codes are exact as FP16,
// and x is the sum of three FP16 numbers, in three columns of one product, so nothing is rounded but sums in float32. Each group of x is scaled by a power of two so
// that its largest number is in [2^14, 2^15). The warps of a block take groups of a tile in turn, the next ones under way.
#include "../common/codes.cuh"
#include "../common/mma.cuh"
#include "../common/order.cuh"
#include "../common/vec_io.cuh"
#include "row_products.cuh"

constexpr int WARPS = 16, THREADS = WARPS * WARP, PAIRS = 16, ROWS = 2 * PAIRS, PIECES = 3;
// 16-bit numbers of x in a strip: pieces of [4 lanes][4 pairs].
constexpr int PIECE_HALVES = STRIP, STRIP_HALVES = PIECES * PIECE_HALVES;

// How the codes of a group lie, and how many groups a warp has under way.
template <int BITS_, int GROUP_, int LOADS_> struct Format {
  static constexpr int BITS = BITS_, GROUP = GROUP_, STRIPS = GROUP / STRIP, LOADS = LOADS_;
  static constexpr bool ZEROS = BITS == 4;
  static constexpr int WORDS = BITS == 4 ? 4 : 8;  // of a strip, a lane
};

// x as operands of products: of each strip and piece, pair i of lane t of a quad is columns 4 i + t and 16 + 4 i + t. With 4 bits, codes of odd pairs count 16
// times, so x counts a sixteenth. grids[group] is what results are multiplied with, and the sum of the group's x. Returns the norm's factor of all sums.
template <class F> __device__ __forceinline__ float splitInput(f16 *pieces, float2 *grids, const float *x, int columns, const Norm &norm) {
  constexpr int THREADS_A_GROUP = F::GROUP / 4;
  float squares = 0;
  int rounds = (columns / 4 + THREADS - 1) / THREADS;
#pragma unroll 2
  for (int round = 0; round < rounds; round++) {
    int i = round * THREADS + threadIdx.x;
    float4 v = make_float4(0, 0, 0, 0);
    if (i < columns / 4) v = norm.weighted(fourOf(x, i), i, squares);
    float rest[4] = {v.x, v.y, v.z, v.w}, sum = (v.x + v.y) + (v.z + v.w);
    // Bits of positive floats are in the order of the floats.
    uint32_t largest = max(max(__float_as_uint(fabsf(v.x)), __float_as_uint(fabsf(v.y))), max(__float_as_uint(fabsf(v.z)), __float_as_uint(fabsf(v.w))));
#pragma unroll
    for (int other = 1; other < THREADS_A_GROUP; other *= 2) {
      largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, other));
      sum += __shfl_xor_sync(ALL_LANES, sum, other);
    }
    if (i >= columns / 4) continue;
    // Both factors are normal numbers.
    int shift = largest == 0 || largest >= 0x7f800000u ? 0 : min(14 + 127 - (int)(largest >> 23), 100);
    float factor = __uint_as_float((127 + shift) << 23);
    int strip = i / (STRIP / 4), four = i % (STRIP / 4), pair = four % 4;
    if (F::ZEROS && pair % 2 == 1) factor *= 0.0625f;
    f16 *target = pieces + strip * STRIP_HALVES + pair * 2 + four / 4;
#pragma unroll
    for (int t = 0; t < 4; t++) {
      rest[t] *= factor;
#pragma unroll
      for (int p = 0; p < PIECES; p++) {
        f16 piece = fromFloat<f16>(rest[t]);
        target[p * PIECE_HALVES + t * 8] = piece;
        rest[t] -= toFloat(piece);
      }
    }
    if (i % THREADS_A_GROUP == 0) grids[i / THREADS_A_GROUP] = make_float2(__uint_as_float((127 - shift) << 23), sum);
  }
  return norm.inverseRoot(squares, columns);
}

// Four rows of a matrix, of which each lane of a quad reads a part.
struct Quad {
  const uint8_t *codes;
  const f16 *scales, *zeros;

  template <class F> __device__ __forceinline__ void point(const Codes &weight, int row, int columns) {
    long long panel = row / PANEL, grid = panel * (columns / F::GROUP) * PANEL + row % PANEL;
    int t = threadIdx.x % 4;
    scales = weight.scales + grid, zeros = weight.zeros + grid + t;
    codes = weight.codes + panel * columns * PANEL * F::BITS / 8 + (F::BITS == 4 ? (t * PANEL + row % PANEL) * 4 : t * PANEL + row % PANEL);
  }
};

__device__ __forceinline__ uint32_t loadWord(const uint8_t *p) {
  uint32_t v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::256B.u32 %0, [%1];" : "=r"(v) : "l"(p));
  return v;
}

// What a lane brings of the groups of a batch: codes of four rows, their scales, and the zero of one of them.
template <class F> struct Batch {
  uint32_t codes[F::LOADS][F::STRIPS][F::WORDS];
  uint2 scales[F::LOADS];
  f16 zeros[F::LOADS];

  static __device__ __forceinline__ int group(int index, int u) { return (index * F::LOADS + u) * WARPS + threadIdx.x / WARP; }

  __device__ __forceinline__ void load(const Quad &quad, int index, int groups) {
#pragma unroll
    for (int u = 0; u < F::LOADS; u++) {
      int g = group(index, u);
      if (g >= groups) break;
      const uint8_t *at = quad.codes + (long long)g * F::GROUP * PANEL * F::BITS / 8;
#pragma unroll
      for (int s = 0; s < F::STRIPS; s++) {
        if (F::BITS == 4) {
          uint4 v = loadOnce(at + s * STRIP * PANEL / 2);
          codes[u][s][0] = v.x, codes[u][s][1] = v.y, codes[u][s][2] = v.z, codes[u][s][3] = v.w;
        } else {
#pragma unroll
          for (int i = 0; i < F::WORDS; i++) codes[u][s][i] = loadWord(at + (s * STRIP + 4 * i) * PANEL);
        }
      }
      scales[u] = *(const uint2 *)(quad.scales + (long long)g * PANEL);
      if (F::ZEROS) zeros[u] = quad.zeros[(long long)g * PANEL];
    }
  }
};

// Products of a strip with the pieces of x: chains[tile] of the rows 2 tile and 2 tile + 1 of each quad.
template <class F> __device__ __forceinline__ void multiplyStrip(float chains[2][4], const uint32_t *w, uint4 x) {
  if (F::BITS == 4) {
    // A code in the low bits of an FP16 number is the code times 2^-24.
#pragma unroll
    for (int tile = 0; tile < 2; tile++) {
      uint32_t a = w[2 * tile], b = w[2 * tile + 1], u = a >> 8, v = b >> 8;
      const uint32_t low[4] = {a & 0x000f000fu, b & 0x000f000fu, a & 0x00f000f0u, b & 0x00f000f0u};
      const uint32_t high[4] = {u & 0x000f000fu, v & 0x000f000fu, u & 0x00f000f0u, v & 0x00f000f0u};
      mma<f16>(chains[tile], low, x.x, x.y);
      mma<f16>(chains[tile], high, x.z, x.w);
    }
  } else {
    // A byte in the low bits of the FP16 number 1024 is 1024 more than the byte; 128 of them are for its sign.
    const uint32_t bias = 0x64806480u;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      uint32_t a[2][4];
#pragma unroll
      for (int p = 0; p < 2; p++)
#pragma unroll
        for (int tile = 0; tile < 2; tile++) {
          uint32_t bytes = __byte_perm(w[2 * half + p], w[2 * half + p + 4], tile == 0 ? 0x5410 : 0x7632);
          uint32_t even = (bytes & 0x00ff00ffu) ^ bias, odd = ((bytes >> 8) & 0x00ff00ffu) ^ bias;
          __half2 e = __hsub2(*(__half2 *)&even, *(const __half2 *)&bias), o = __hsub2(*(__half2 *)&odd, *(const __half2 *)&bias);
          a[tile][2 * p] = *(uint32_t *)&e, a[tile][2 * p + 1] = *(uint32_t *)&o;
        }
#pragma unroll
      for (int tile = 0; tile < 2; tile++) mma<f16>(chains[tile], a[tile], half == 0 ? x.x : x.z, half == 0 ? x.y : x.w);
    }
  }
}

// The sums of one warp: of codes by row and piece, and of one row's zeros.
template <class F> struct Sums {
  float codes[2][4] = {}, zeros = 0;

  __device__ __forceinline__ void add(const Batch<F> &batch, int index, int groups, const f16 *pieces, const float2 *grids) {
    int lane = threadIdx.x % WARP;
    // Columns of the product from the third piece on are not used: they may hold anything.
    const f16 *mine = pieces + min(lane / 4, PIECES - 1) * PIECE_HALVES + lane % 4 * 8;
#pragma unroll
    for (int u = 0; u < F::LOADS; u++) {
      int g = Batch<F>::group(index, u);
      if (g >= groups) break;
      float chains[2][4] = {};
#pragma unroll
      for (int s = 0; s < F::STRIPS; s++) multiplyStrip<F>(chains, batch.codes[u][s], *(const uint4 *)(mine + (g * F::STRIPS + s) * STRIP_HALVES));
      float2 grid = grids[g];
      const f16 *scales = (const f16 *)&batch.scales[u];
#pragma unroll
      for (int tile = 0; tile < 2; tile++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float factor = toFloat(scales[2 * tile + r]) * grid.x;
          codes[tile][2 * r] = fmaf(factor, chains[tile][2 * r], codes[tile][2 * r]);
          codes[tile][2 * r + 1] = fmaf(factor, chains[tile][2 * r + 1], codes[tile][2 * r + 1]);
        }
      if (F::ZEROS) zeros = fmaf(toFloat(batch.zeros[u]), grid.y, zeros);
    }
  }

  // Leaves the sums of four rows a quad: target [ROWS].
  __device__ __forceinline__ void leave(float *target) const {
    int lane = threadIdx.x % WARP, t = lane % 4;
    float rows[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      // The first lane of a quad has the first two pieces, the second the third.
      float x = codes[i / 2][i % 2 * 2];
      if (t == 0) x += codes[i / 2][i % 2 * 2 + 1];
      x += __shfl_down_sync(ALL_LANES, x, 1);
      rows[i] = F::ZEROS ? x * 0x1p24f + __shfl_sync(ALL_LANES, zeros, lane / 4 * 4 + i) : x;
    }
    if (t == 0) *(float4 *)(target + lane / 4 * 4) = make_float4(rows[0], rows[1], rows[2], rows[3]);
  }
};

// The outliers of a row that this warp takes.
__device__ __forceinline__ float outliersOf(const Place<Codes> &place, const float *x, const Norm &norm) {
  float sum = 0;
  if (!place.weight.outlierStarts || place.row >= place.rows) return sum;
  const int *starts = place.weight.outlierStarts + place.row;
  for (int i = starts[0] + threadIdx.x / WARP; i < starts[1]; i += WARPS) {
    int column = place.weight.outlierColumns[i];
    float input = norm.weight ? x[column] * norm.weight[column] : x[column];
    sum = fmaf(input, place.weight.outlierDifferences[i], sum);
  }
  return sum;
}

__device__ __forceinline__ float collect(const float *partial, int row) {
  float sum = 0;
#pragma unroll
  for (int warp = 0; warp < WARPS; warp++) sum += partial[warp * ROWS + row];
  return sum;
}

template <class F, class Rows> __device__ void run(const float *x, int columns, const Norm &norm, const Rows &rows) {
  extern __shared__ __align__(16) char shared[];
  __shared__ float partials[2][WARPS * ROWS];
  int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, groups = columns / F::GROUP, batches = (groups + WARPS * F::LOADS - 1) / (WARPS * F::LOADS);
  f16 *pieces = (f16 *)shared;
  float2 *grids = (float2 *)(pieces + columns / STRIP * STRIP_HALVES);
  int tile = blockIdx.x, batch = 0, turn = 0;
  Quad quad;
  // The first four quads are the first rows of 16 pairs, the others the second.
  auto locate = [&](int of) {
    Place<Codes> place = rows.locate(of, lane / 4 % 4 * 4, lane >= PAIRS);
    // Panels are whole, so four rows from a multiple of four always exist.
    quad.template point<F>(place.weight, min(place.row, (place.rows - 1) / 4 * 4), columns);
  };
  locate(tile);
  Batch<F> now, next;
  now.load(quad, 0, groups);
  // The first weights are on their way before x is known to be complete.
  startAfterPrevious();
  float inverse = splitInput<F>(pieces, grids, x, columns, norm);
  Sums<F> sums;
  while (tile < rows.tiles) {
    bool last = batch + 1 == batches;
    int nextTile = last ? tile + gridDim.x : tile, nextBatch = last ? 0 : batch + 1;
    if (nextTile < rows.tiles) {
      if (last) locate(nextTile);
      next.load(quad, nextBatch, groups);
    }
    sums.add(now, batch, groups, pieces, grids);
    if (last) {
      float *partial = partials[turn % 2];
      sums.leave(partial + warp * ROWS);
      __syncwarp();
      if (rows.hasOutliers()) partial[warp * ROWS + lane] += outliersOf(rows.locate(tile, lane % PAIRS, lane >= PAIRS), x, norm);
      __syncthreads();
      if (warp == turn % WARPS && lane < PAIRS) rows.finish(tile, lane, collect(partial, lane) * inverse, collect(partial, lane + PAIRS) * inverse);
      turn++;
      sums = Sums<F>();
    }
    now = next, tile = nextTile, batch = nextBatch;
  }
  if (blockIdx.x == 0) norm.leave(x, columns, inverse);
}

#define PART(I) \
  const uint8_t *codes##I, const f16 *scales##I, const f16 *zeros##I, const int *starts##I, const int *columns##I, const float *differences##I, const float *b##I, float *y##I, int n##I, int half##I
#define GIVEN(I) \
  Part<Codes, PAIRS> { Codes{codes##I, scales##I, zeros##I, starts##I, columns##I, differences##I}, b##I, y##I, n##I, half##I }
#define ENTRY(BITS, GROUP, LOADS)                                                                                                                              \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                                        \
      gemv_codes_q##BITS##g##GROUP(const float *x, int columns, const float *normWeight, float *normed, float epsilon, PART(0), PART(1), PART(2),              \
                                   float *residual, const float2 *angles, int rotated, const unsigned long long *pages, const int *position, int headDim,      \
                                   int isFloat) {                                                                                                              \
    run<Format<BITS, GROUP, LOADS>>(x, columns, Norm{normWeight, normed, epsilon},                                                                             \
                                    Products<Codes, PAIRS>(GIVEN(0), GIVEN(1), GIVEN(2), residual, angles, rotated, Append{pages, position, headDim, isFloat != 0})); \
  }                                                                                                                                                            \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                                        \
      gemv_codes_gated_q##BITS##g##GROUP(const float *x, int columns, const float *normWeight, float *normed, float epsilon, PART(0), PART(1)) {               \
    run<Format<BITS, GROUP, LOADS>>(x, columns, Norm{normWeight, normed, epsilon}, Gated<Codes, PAIRS>(GIVEN(0), GIVEN(1)));                                   \
  }
ENTRY(4, 32, 4)
ENTRY(4, 64, 3)
ENTRY(4, 128, 2)
ENTRY(8, 32, 2)
ENTRY(8, 64, 1)
