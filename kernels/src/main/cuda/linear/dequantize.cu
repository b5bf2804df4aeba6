// Rows of a matrix in codes as a dense matrix of FP16 numbers, rounded to nearest and held to what FP16 can hold, for products of many rows.
//
// dequantize may run while kernels before it still do: it writes where nothing of them reads, since the matrix of the time before last lay there, and each run of
// it ends only after everything before it has. So it does not let the next kernel start early.
#include "../common/codes.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"

constexpr int THREADS = 256, WARPS = THREADS / WARP, UNITS = 4;

__device__ __forceinline__ f16 held(float x) { return fromFloat<f16>(fminf(fmaxf(x, -65504.f), 65504.f)); }

__device__ __forceinline__ void store8(f16 *target, const float *x) {
  uint4 v;
  f16 *h = (f16 *)&v;
#pragma unroll
  for (int i = 0; i < 8; i++) h[i] = held(x[i]);
  *(uint4 *)target = v;
}

// A warp takes 32 rows of a strip, a lane a row.
__device__ __forceinline__ void unpack4(f16 *out, const Codes &weight, int panel, int unit, int rows, int columns, int group) {
  int lane = unit % 2 * WARP + threadIdx.x % WARP, strip = unit / 2, column = strip * STRIP, row = panel * PANEL + lane;
  if (column >= columns || row >= rows) return;
  const uint32_t *words = (const uint32_t *)weight.codes + ((long long)panel * (columns / STRIP) + strip) * STRIP_WORDS * PANEL + lane;
  uint32_t w[STRIP_WORDS];
#pragma unroll
  for (int j = 0; j < STRIP_WORDS; j++) w[j] = words[j * PANEL];
  long long grid = ((long long)panel * (columns / group) + column / group) * PANEL + lane;
  float scale = toFloat(weight.scales[grid]), zero = toFloat(weight.zeros[grid]);
  f16 *target = out + (long long)row * columns + column;
#pragma unroll
  for (int eight = 0; eight < STRIP / 8; eight++) {
    float x[8];
#pragma unroll
    for (int i = 0; i < 8; i++) x[i] = fmaf(scale, (float)(w[i % 4] >> ((2 * eight + i / 4) * 4) & 15), zero);
    store8(target + eight * 8, x);
  }
}

// A warp takes 64 rows of 16 columns, a lane 4 rows of 8 columns.
__device__ __forceinline__ void unpack8(f16 *out, const Codes &weight, int panel, int unit, int rows, int columns, int group) {
  int lane = threadIdx.x % WARP, first = lane % 16 * 4, column = unit * 16 + lane / 16 * 8;
  if (column >= columns) return;
  const uint8_t *bytes = weight.codes + ((long long)panel * columns + column) * PANEL + first;
  uint32_t w[8];
#pragma unroll
  for (int i = 0; i < 8; i++) w[i] = *(const uint32_t *)(bytes + i * PANEL);
  const f16 *scales = weight.scales + ((long long)panel * (columns / group) + column / group) * PANEL + first;
#pragma unroll
  for (int r = 0; r < 4; r++) {
    int row = panel * PANEL + first + r;
    if (row >= rows) return;
    float scale = toFloat(scales[r]), x[8];
#pragma unroll
    for (int i = 0; i < 8; i++) x[i] = scale * (float)(int8_t)(w[i] >> (8 * r));
    store8(out + (long long)row * columns + column, x);
  }
}

// `weight` and `rows` are of the range that is wanted, which starts with a panel. Grid: (panels, units of a panel over 8 warps of UNITS).
#define ENTRY(BITS)                                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                               \
      dequantize_q##BITS(f16 *out, const uint8_t *codes, const f16 *scales, const f16 *zeros, int rows, int columns, int group) {                     \
    Codes weight{codes, scales, zeros, nullptr, nullptr, nullptr};                                                                                    \
    int unit = (blockIdx.y * WARPS + threadIdx.x / WARP) * UNITS;                                                                                     \
    for (int i = 0; i < UNITS; i++) unpack##BITS(out, weight, blockIdx.x, unit + i, rows, columns, group);                                            \
    waitForPrevious();                                                                                                                                \
  }                                                                                                                                                   \
  /* Outliers in their places: a warp a row. */                                                                                                       \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                               \
      restore_outliers_q##BITS(f16 *out, const uint8_t *codes, const f16 *scales, const f16 *zeros, const int *starts, const int *places, const float *differences, \
                               int rows, int columns, int group) {                                                                                    \
    startAfterPrevious();                                                                                                                             \
    Codes weight{codes, scales, zeros, starts, places, differences};                                                                                  \
    int row = (blockIdx.x * THREADS + threadIdx.x) / WARP;                                                                                            \
    if (row >= rows) return;                                                                                                                          \
    for (int i = starts[row] + threadIdx.x % WARP; i < starts[row + 1]; i += WARP)                                                                    \
      out[(long long)row * columns + places[i]] = held(codeValue<BITS>(weight, row, places[i], columns, group) + differences[i]);                     \
  }
ENTRY(4)
ENTRY(8)
