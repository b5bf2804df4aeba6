// What kernels that multiply one row share. Blocks stay for the whole launch and take every so many tiles of pairs of rows; up to three matrices that share x run as one
// launch (q, k and v; gate and up), and what stands before and after joins where it can, since a kernel of its own costs as much as the products of a small matrix:
// RMSNorm of x before; a residual sum, a gated activation, or rotary embedding and the row's place in plain pages after.
#pragma once
#include "../common/reduce.cuh"
#include "../kvcache/plain_pages.cuh"

// Columns 4 i to 4 i + 3 of a row at any address.
__device__ __forceinline__ float4 fourOf(const float *x, int i) {
  if ((uint64_t)x % 16 == 0) return ((const float4 *)x)[i];
  x += 4 * i;
  return make_float4(x[0], x[1], x[2], x[3]);
}

// x is to be x / sqrt(mean(x^2) + epsilon) * weight (Zhang and Sennrich 2019, section 3), which is also left in `normed` for others; as it is where `weight` is null.
// The root is known when all of x has been seen: products are with x * weight, and their sums are divided.
struct Norm {
  const float *weight;
  float *normed;
  float epsilon;

  __device__ __forceinline__ float4 weighted(float4 v, int i, float &squares) const {
    if (!weight) return v;
    float4 g = ((const float4 *)weight)[i];
    squares = fmaf(v.x, v.x, squares), squares = fmaf(v.y, v.y, squares), squares = fmaf(v.z, v.z, squares), squares = fmaf(v.w, v.w, squares);
    return make_float4(v.x * g.x, v.y * g.y, v.z * g.z, v.w * g.w);
  }
  // Of the squares that each thread has added; a barrier for the block.
  __device__ __forceinline__ float inverseRoot(float squares, int columns) const {
    __shared__ float scratch[WARP];
    squares = blockSum(squares, scratch);
    return weight ? 1.f / sqrtf(squares / columns + epsilon) : 1.f;
  }
  __device__ __forceinline__ void leave(const float *x, int columns, float inverse) const {
    for (int i = threadIdx.x; weight && i < columns; i += blockDim.x) normed[i] = x[i] * inverse * weight[i];
  }
};

// Rows of a matrix, in pairs `half` apart: the rows 2 half i + j and 2 half i + half + j. Tiles take PAIRS of them; where nothing else is asked for, half is
// PAIRS too, and a tile is consecutive rows.
template <class Weight, int PAIRS> struct Part {
  Weight weight;
  const float *bias;
  float *out;
  int rows, half;

  __device__ int tiles() const {
    if (half == PAIRS) return (rows + 2 * PAIRS - 1) / (2 * PAIRS);
    return ((rows + 2 * half - 1) / (2 * half) * half + PAIRS - 1) / PAIRS;
  }
  __device__ int first(int tile, int pair) const {
    if (half == PAIRS) return tile * 2 * PAIRS + pair;
    pair += tile * PAIRS;
    return pair / half * 2 * half + pair % half;
  }
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

// A row of a matrix, of so many; it may be one that does not exist.
template <class Weight> struct Place {
  Weight weight;
  int row, rows;
};

// Up to three matrices, tiles of PAIRS pairs of rows.
template <class Weight, int PAIRS> struct Products {
  Part<Weight, PAIRS> a, b, c;
  float *residual;       // gets the first part's results added
  const float2 *angles;  // [half] of (cos, sin)
  int rotated;           // bits of the parts that are turned by them
  Append append;
  int aTiles, bTiles, tiles;

  __device__ Products(Part<Weight, PAIRS> a, Part<Weight, PAIRS> b, Part<Weight, PAIRS> c, float *residual, const float2 *angles, int rotated, Append append)
      : a(a), b(b), c(c), residual(residual), angles(angles), rotated(rotated), append(append), aTiles(a.tiles()), bTiles(b.tiles()),
        tiles(aTiles + bTiles + c.tiles()) {}

  __device__ bool hasOutliers() const { return a.weight.outlierStarts || b.weight.outlierStarts || c.weight.outlierStarts; }
  __device__ Part<Weight, PAIRS> part(int &tile, int &index) const {
    if (tile < aTiles) return index = 0, a;
    tile -= aTiles;
    if (tile < bTiles) return index = 1, b;
    tile -= bTiles;
    return index = 2, c;
  }
  // The first or second row of a pair.
  __device__ Place<Weight> locate(int tile, int pair, bool second) const {
    int index;
    Part<Weight, PAIRS> p = part(tile, index);
    return {p.weight, p.first(tile, pair) + (second ? p.half : 0), p.rows};
  }
  __device__ void finish(int tile, int pair, float y0, float y1) const {
    int index;
    Part<Weight, PAIRS> p = part(tile, index);
    int row = p.first(tile, pair), other = row + p.half;
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
  __device__ void put(const Part<Weight, PAIRS> &p, int index, int row, float y) const {
    p.out[row] = y;
    if (residual) residual[row] += y;
    if (append.pages && index > 0) append.store(index == 1, row, y);
  }
};

// SwiGLU: each pair is the same row of both matrices; gate's results are replaced by silu(gate) * up.
template <class Weight, int PAIRS> struct Gated {
  Part<Weight, PAIRS> gate, up;
  int tiles;

  __device__ Gated(Part<Weight, PAIRS> gate, Part<Weight, PAIRS> up) : gate(gate), up(up), tiles((gate.rows + PAIRS - 1) / PAIRS) {}

  __device__ bool hasOutliers() const { return gate.weight.outlierStarts || up.weight.outlierStarts; }
  __device__ Place<Weight> locate(int tile, int pair, bool second) const {
    return {second ? up.weight : gate.weight, tile * PAIRS + pair, gate.rows};
  }
  __device__ void finish(int tile, int pair, float g, float u) const {
    int row = tile * PAIRS + pair;
    if (row >= gate.rows) return;
    if (gate.bias) g += gate.bias[row];
    if (up.bias) u += up.bias[row];
    up.out[row] = u;
    gate.out[row] = g / (1.f + expf(-g)) * u;
  }
};
