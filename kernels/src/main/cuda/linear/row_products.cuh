// What kernels that multiply one row share. Blocks stay for the whole launch and take every so many tiles of pairs of rows; up to three matrices that share x run as one
// launch (q, k and v; gate and up), and what stands before and after joins where it can, since a kernel of its own costs as much as the products of a small matrix:
// RMSNorm of x before; a residual sum, a gated activation, or rotary embedding and the row's place in plain pages after.
#pragma once
#include "../common/reduce.cuh"
#include "../kvcache/plain_pages.cuh"

// x is to be x / sqrt(mean(x^2) + epsilon) * weight (Zhang and Sennrich 2019, section 3), which is also left in `normed` for others; as it is where `weight` is null.
struct Norm {
  const float *weight;
  float *normed;
  float epsilon;
};

// Rows of a matrix, in pairs `half` apart: the rows 2 half i + j and 2 half i + half + j.
template <class Weight> struct Part {
  Weight weight;
  const float *bias;
  float *out;
  int rows, half;

  __device__ int tiles(int pairs) const { return ((rows + 2 * half - 1) / (2 * half) * half + pairs - 1) / pairs; }
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

// A row of a matrix, of so many; it may be one that does not exist.
template <class Weight> struct Place {
  Weight weight;
  int row, rows;
};

// Up to three matrices, tiles of PAIRS pairs of rows.
template <class Weight, int PAIRS> struct Products {
  Part<Weight> a, b, c;
  float *residual;       // gets the first part's results added
  const float2 *angles;  // [half] of (cos, sin)
  int rotated;           // bits of the parts that are turned by them
  Append append;
  int aTiles, bTiles, tiles;

  __device__ Products(Part<Weight> a, Part<Weight> b, Part<Weight> c, float *residual, const float2 *angles, int rotated, Append append)
      : a(a), b(b), c(c), residual(residual), angles(angles), rotated(rotated), append(append), aTiles(a.tiles(PAIRS)), bTiles(b.tiles(PAIRS)),
        tiles(aTiles + bTiles + c.tiles(PAIRS)) {}

  __device__ Part<Weight> part(int &tile, int &index) const {
    if (tile < aTiles) return index = 0, a;
    tile -= aTiles;
    if (tile < bTiles) return index = 1, b;
    tile -= bTiles;
    return index = 2, c;
  }
  // The first or second row of a pair.
  __device__ Place<Weight> locate(int tile, int pair, bool second) const {
    int index;
    Part<Weight> p = part(tile, index);
    return {p.weight, p.first(tile * PAIRS + pair) + (second ? p.half : 0), p.rows};
  }
  __device__ void finish(int tile, int pair, float y0, float y1) const {
    int index;
    Part<Weight> p = part(tile, index);
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
  __device__ void put(const Part<Weight> &p, int index, int row, float y) const {
    p.out[row] = y;
    if (residual) residual[row] += y;
    if (append.pages && index > 0) append.store(index == 1, row, y);
  }
};

// SwiGLU: each pair is the same row of both matrices; gate's results are replaced by silu(gate) * up.
template <class Weight, int PAIRS> struct Gated {
  Part<Weight> gate, up;
  int tiles;

  __device__ Gated(Part<Weight> gate, Part<Weight> up) : gate(gate), up(up), tiles((gate.rows + PAIRS - 1) / PAIRS) {}

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
