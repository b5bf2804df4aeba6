// y = W x + b for one row of x, in float32 arithmetic, at the rate that memory delivers W: a warp takes two rows of W, 16 bytes a lane and load, the next
// loads already under way. Up to three matrices that share x run as one launch (q, k and v; gate and up). Grid: blocks of 8 warps.
#include "../common/order.cuh"
#include "../common/reduce.cuh"
#include "../common/vec_io.cuh"

constexpr int ROWS = 2, LOADS = 4, THREADS = 256;

template <class T> struct Part {
  const T *weight;
  const float *bias;
  float *out;
  int rows;
};

// The products of two rows of weights with x. inFeatures is a multiple of the elements in 16 bytes; x and the weights are aligned to 16 bytes.
template <class T> __device__ __forceinline__ void twoRows(const float *x, int inFeatures, const T *row0, const T *row1, float &sum0, float &sum1) {
  constexpr int V = PER_16_BYTES<T>;
  int lane = threadIdx.x % WARP, chunks = inFeatures / V;
  const uint4 *w0 = (const uint4 *)row0, *w1 = (const uint4 *)row1, none = make_uint4(0, 0, 0, 0);
  uint4 now0[LOADS], now1[LOADS];
#pragma unroll
  for (int u = 0; u < LOADS; u++) {
    int i = u * WARP + lane;
    now0[u] = i < chunks ? loadOnce(w0 + i) : none, now1[u] = i < chunks ? loadOnce(w1 + i) : none;
  }
  // The first weights are on their way before x is known to be complete.
  startAfterPrevious();
  sum0 = sum1 = 0;
  for (int base = 0; base < chunks; base += LOADS * WARP) {
    uint4 next0[LOADS], next1[LOADS];
#pragma unroll
    for (int u = 0; u < LOADS; u++) {
      int i = base + (LOADS + u) * WARP + lane;
      next0[u] = i < chunks ? loadOnce(w0 + i) : none, next1[u] = i < chunks ? loadOnce(w1 + i) : none;
    }
#pragma unroll
    for (int u = 0; u < LOADS; u++) {
      int i = base + u * WARP + lane;
      if (i >= chunks) break;
      float f0[V], f1[V];
      widen<T>(now0[u], f0), widen<T>(now1[u], f1);
#pragma unroll
      for (int j = 0; j < V; j += 4) {
        float4 v = *(const float4 *)(x + (long long)i * V + j);
        sum0 = fmaf(f0[j], v.x, sum0), sum0 = fmaf(f0[j + 1], v.y, sum0), sum0 = fmaf(f0[j + 2], v.z, sum0), sum0 = fmaf(f0[j + 3], v.w, sum0);
        sum1 = fmaf(f1[j], v.x, sum1), sum1 = fmaf(f1[j + 1], v.y, sum1), sum1 = fmaf(f1[j + 2], v.z, sum1), sum1 = fmaf(f1[j + 3], v.w, sum1);
      }
    }
#pragma unroll
    for (int u = 0; u < LOADS; u++) now0[u] = next0[u], now1[u] = next1[u];
  }
  sum0 = warpSum(sum0), sum1 = warpSum(sum1);
}

// `residual`, where there is one, gets the first part's results added.
template <class T> __device__ void wide(const float *x, int inFeatures, Part<T> a, Part<T> b, Part<T> c, float *residual) {
  int row = (blockIdx.x * THREADS + threadIdx.x) / WARP * ROWS, lane = threadIdx.x % WARP;
  // Each part begins at an even row, so that the two rows of a warp are of one part.
  int aRows = (a.rows + 1) & ~1, bRows = (b.rows + 1) & ~1;
  if (row >= aRows) {
    row -= aRows, a = b;
    if (row >= bRows) row -= bRows, a = c;
  }
  if (row >= a.rows) return;
  bool second = row + 1 < a.rows;
  const T *weight = a.weight + (long long)row * inFeatures;
  float sum0, sum1;
  twoRows<T>(x, inFeatures, weight, second ? weight + inFeatures : weight, sum0, sum1);
  if (lane > 1 || (lane == 1 && !second)) return;
  row += lane;
  float sum = lane == 0 ? sum0 : sum1;
  if (a.bias) sum += a.bias[row];
  a.out[row] = sum;
  if (residual) residual[row] += sum;
}

// SwiGLU: a warp takes the same row of both matrices; gate's results are replaced by silu(gate) * up.
template <class T> __device__ void gated(const float *x, int inFeatures, Part<T> gate, Part<T> up) {
  int row = (blockIdx.x * THREADS + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
  if (row >= gate.rows) return;
  float g, u;
  twoRows<T>(x, inFeatures, gate.weight + (long long)row * inFeatures, up.weight + (long long)row * inFeatures, g, u);
  if (lane != 0) return;
  if (gate.bias) g += gate.bias[row];
  if (up.bias) u += up.bias[row];
  up.out[row] = u;
  gate.out[row] = g / (1.f + expf(-g)) * u;
}

// Any size and alignment: a warp a row, element by element.
template <class T> __device__ void narrow(const float *x, int inFeatures, Part<T> part) {
  startAfterPrevious();
  int row = (blockIdx.x * THREADS + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
  if (row >= part.rows) return;
  const T *w = part.weight + (long long)row * inFeatures;
  float sum = 0;
  for (int i = lane; i < inFeatures; i += WARP) sum = fmaf(toFloat(w[i]), x[i], sum);
  sum = warpSum(sum);
  if (lane == 0) part.out[row] = part.bias ? sum + part.bias[row] : sum;
}

#define ENTRY(SUFFIX, T)                                                                                                                            \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                             \
      gemv_##SUFFIX(const float *x, int inFeatures, const T *w0, const float *b0, float *y0, int n0, const T *w1, const float *b1, float *y1, int n1,       \
                    const T *w2, const float *b2, float *y2, int n2, float *residual) {                                                                                  \
    wide<T>(x, inFeatures, Part<T>{w0, b0, y0, n0}, Part<T>{w1, b1, y1, n1}, Part<T>{w2, b2, y2, n2}, residual);                                              \
  }                                                                                                                                                 \
  extern "C" __global__ void __launch_bounds__(THREADS) gemv_gated_##SUFFIX(const float *x, int inFeatures, const T *w0, const float *b0, float *y0,    \
                                                                            const T *w1, const float *b1, float *y1, int n) {                       \
    gated<T>(x, inFeatures, Part<T>{w0, b0, y0, n}, Part<T>{w1, b1, y1, n});                                                                        \
  }                                                                                                                                                 \
  extern "C" __global__ void __launch_bounds__(THREADS) gemv_any_##SUFFIX(const float *x, int inFeatures, const T *w, const float *b, float *y, int n) { \
    narrow<T>(x, inFeatures, Part<T>{w, b, y, n});                                                                                                  \
  }
ENTRY(f32, float)
ENTRY(bf16, bf16)
ENTRY(f16, f16)
