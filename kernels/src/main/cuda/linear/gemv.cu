// y = W x + b for one row of x, in float32 arithmetic: F32 weights, and 16-bit ones that gemv_16 does not take. A warp takes two rows of W, 16 bytes a lane and
// load, the next loads already under way. Grid: blocks of 8 warps.
#include "../common/order.cuh"
#include "../common/reduce.cuh"
#include "../common/vec_io.cuh"

constexpr int ROWS = 2, LOADS = 4, THREADS = 256;

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

template <class T> __device__ void wide(const float *x, int inFeatures, const T *w, const float *b, float *y, int rows) {
  int row = (blockIdx.x * THREADS + threadIdx.x) / WARP * ROWS, lane = threadIdx.x % WARP;
  if (row >= rows) return;
  bool second = row + 1 < rows;
  const T *weight = w + (long long)row * inFeatures;
  float sum0, sum1;
  twoRows<T>(x, inFeatures, weight, second ? weight + inFeatures : weight, sum0, sum1);
  if (lane > 1 || (lane == 1 && !second)) return;
  row += lane;
  float sum = lane == 0 ? sum0 : sum1;
  y[row] = b ? sum + b[row] : sum;
}

// Any size and alignment: a warp a row, element by element.
template <class T> __device__ void narrow(const float *x, int inFeatures, const T *w, const float *b, float *y, int rows) {
  startAfterPrevious();
  int row = (blockIdx.x * THREADS + threadIdx.x) / WARP, lane = threadIdx.x % WARP;
  if (row >= rows) return;
  w += (long long)row * inFeatures;
  float sum = 0;
  for (int i = lane; i < inFeatures; i += WARP) sum = fmaf(toFloat(w[i]), x[i], sum);
  sum = warpSum(sum);
  if (lane == 0) y[row] = b ? sum + b[row] : sum;
}

extern "C" __global__ void __launch_bounds__(THREADS) gemv_f32(const float *x, int inFeatures, const float *w, const float *b, float *y, int n) {
  wide<float>(x, inFeatures, w, b, y, n);
}

#define ENTRY(SUFFIX, T)                                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS) gemv_any_##SUFFIX(const float *x, int inFeatures, const T *w, const float *b, float *y, int n) { \
    narrow<T>(x, inFeatures, w, b, y, n);                                                                                                                  \
  }
ENTRY(f32, float)
ENTRY(bf16, bf16)
ENTRY(f16, f16)
