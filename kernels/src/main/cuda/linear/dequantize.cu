// Rows of a matrix in codes as a dense matrix of FP16 numbers, rounded to nearest and held to what FP16 can hold, for products of many rows.
//
// dequantize may run while kernels before it still do: it writes where nothing of them reads, since the matrix of the time before last lay there, and each run of
// it ends only after everything before it has. So it does not let the next kernel start early.
#include "../common/codes.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"

constexpr int THREADS = 256, TILE_COLUMNS = 128, FOUR = 4, EIGHT = 8;
// A tile of 64 rows lies in shared memory before it is written, so that what goes to memory are runs of rows; rows are shifted against one another by a chunk of 16
// bytes, so that neighbouring rows meet different banks.
constexpr int TILE_STRIDE = TILE_COLUMNS + EIGHT;

__device__ __forceinline__ f16 held(float x) { return fromFloat<f16>(fminf(fmaxf(x, -65504.f), 65504.f)); }

__device__ __forceinline__ void store8(f16 *target, const float *x) {
  uint4 v;
  f16 *h = (f16 *)&v;
#pragma unroll
  for (int i = 0; i < EIGHT; i++) h[i] = held(x[i]);
  *(uint4 *)target = v;
}

// A thread takes a strip of one row.
__device__ __forceinline__ void unpack4(f16 *tile, const Codes &weight, int panel, int firstColumn, int columns, int group) {
  int row = threadIdx.x % PANEL, offset = threadIdx.x / PANEL * STRIP, column = firstColumn + offset;
  if (column >= columns) return;
  const uint32_t *words = (const uint32_t *)weight.codes + ((long long)panel * (columns / STRIP) + column / STRIP) * STRIP_WORDS * PANEL + row;
  uint32_t w[STRIP_WORDS];
#pragma unroll
  for (int j = 0; j < STRIP_WORDS; j++) w[j] = words[j * PANEL];
  long long grid = ((long long)panel * (columns / group) + column / group) * PANEL + row;
  float scale = toFloat(weight.scales[grid]), zero = toFloat(weight.zeros[grid]);
#pragma unroll
  for (int eight = 0; eight < STRIP / EIGHT; eight++) {
    float x[EIGHT];
#pragma unroll
    for (int i = 0; i < EIGHT; i++) x[i] = fmaf(scale, (float)(w[i % 4] >> ((2 * eight + i / 4) * 4) & 15), zero);
    store8(tile + row * TILE_STRIDE + offset + eight * EIGHT, x);
  }
}

// A thread takes 4 rows of 8 columns.
__device__ __forceinline__ void unpack8(f16 *tile, const Codes &weight, int panel, int firstColumn, int columns, int group) {
  int row = threadIdx.x % (PANEL / FOUR) * FOUR, offset = threadIdx.x / (PANEL / FOUR) * EIGHT, column = firstColumn + offset;
  if (column >= columns) return;
  const uint8_t *bytes = weight.codes + ((long long)panel * columns + column) * PANEL + row;
  uint32_t w[EIGHT];
#pragma unroll
  for (int i = 0; i < EIGHT; i++) w[i] = *(const uint32_t *)(bytes + i * PANEL);
  const f16 *scales = weight.scales + ((long long)panel * (columns / group) + column / group) * PANEL + row;
#pragma unroll
  for (int r = 0; r < FOUR; r++) {
    float scale = toFloat(scales[r]), x[EIGHT];
#pragma unroll
    for (int i = 0; i < EIGHT; i++) x[i] = scale * (float)(int8_t)(w[i] >> (8 * r));
    store8(tile + (row + r) * TILE_STRIDE + offset, x);
  }
}

__device__ __forceinline__ void writeTile(f16 *out, const f16 *tile, int panel, int firstColumn, int rows, int columns) {
  constexpr int CHUNKS = TILE_COLUMNS / EIGHT;
  for (int i = threadIdx.x; i < PANEL * CHUNKS; i += THREADS) {
    int row = panel * PANEL + i / CHUNKS, column = firstColumn + i % CHUNKS * EIGHT;
    if (row < rows && column < columns) *(uint4 *)(out + (long long)row * columns + column) = *(const uint4 *)(tile + i / CHUNKS * TILE_STRIDE + i % CHUNKS * EIGHT);
  }
}

// `weight` and `rows` are of the range that is wanted, which starts with a panel. Grid: (panels, tiles of 128 columns).
#define ENTRY(BITS)                                                                                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                               \
      dequantize_q##BITS(f16 *out, const uint8_t *codes, const f16 *scales, const f16 *zeros, int rows, int columns, int group) {                     \
    Codes weight{codes, scales, zeros, nullptr, nullptr, nullptr};                                                                                    \
    __shared__ __align__(16) f16 tile[PANEL * TILE_STRIDE];                                                                                            \
    unpack##BITS(tile, weight, blockIdx.x, blockIdx.y * TILE_COLUMNS, columns, group);                                                                 \
    __syncthreads();                                                                                                                                   \
    writeTile(out, tile, blockIdx.x, blockIdx.y * TILE_COLUMNS, rows, columns);                                                                        \
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
