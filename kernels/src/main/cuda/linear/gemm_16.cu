// out = x W^T (+ b) with 16-bit operands and float32 sums on tensor cores: tiles of 128 rows by 256 features, 64 deep. On Hopper two warpgroups multiply
// while copies of the next two tiles are under way; other cards use the products that a warp makes alone, with one tile ahead.
// inFeatures is a multiple of 8. Grid: tiles, in groups of 8 blocks of rows so that neighbours share operands in the cache.
#include "../common/cp_async.cuh"
#include "../common/mma.cuh"
#include "../common/order.cuh"
#include "../common/wgmma.cuh"

constexpr int ROWS = 128, FEATURES = 256, DEPTH = 64, THREADS = 256, GROUP = 8, CHUNKS = DEPTH / 8;
constexpr int X_TILE = ROWS * DEPTH * 2, STAGE = (ROWS + FEATURES) * DEPTH * 2;

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
constexpr int STAGES = 4;
#else
constexpr int STAGES = 2;
#endif

__device__ __forceinline__ uint32_t place(int row, int chunk) { return (row * CHUNKS + (chunk ^ (row & 7))) * 16; }

template <class T> struct Tiles {
  const T *x, *weight;
  int rows, outFeatures, inFeatures, row0, feature0;
  uint32_t shared;

  // Thread t copies chunk t % 8 of every 32nd row.
  __device__ void fetch(int k0, int stage) const {
    int chunk = threadIdx.x % CHUNKS, first = threadIdx.x / CHUNKS, k = k0 + chunk * 8;
    uint32_t target = shared + stage * STAGE;
    bool inK = k < inFeatures;
#pragma unroll
    for (int i = 0; i < ROWS / 32; i++) {
      int r = first + i * 32;
      bool inside = inK && row0 + r < rows;
      copyAsyncOrZero(target + place(r, chunk), inside ? x + (long long)(row0 + r) * inFeatures + k : x, inside ? 16 : 0);
    }
#pragma unroll
    for (int i = 0; i < FEATURES / 32; i++) {
      int r = first + i * 32;
      bool inside = inK && feature0 + r < outFeatures;
      copyAsyncOrZero(target + X_TILE + place(r, chunk), inside ? weight + (long long)(feature0 + r) * inFeatures + k : weight, inside ? 16 : 0);
    }
  }
};

// Two neighbouring results of a row.
__device__ __forceinline__ void store(float *out, long long outStride, const float *bias, const float *scales, int rows, int outFeatures, int row, int feature, float a, float b) {
  if (row >= rows) return;
  if (scales) a *= scales[row], b *= scales[row];
  float *target = out + row * outStride + feature;
  if (feature < outFeatures) target[0] = bias ? a + bias[feature] : a;
  if (feature + 1 < outFeatures) target[1] = bias ? b + bias[feature + 1] : b;
}

template <class T>
__device__ void product(float *out, long long outStride, const T *x, const T *weight, const float *bias, const float *scales, int rows, int outFeatures, int inFeatures) {
  extern __shared__ uint8_t unaligned[];
  startAfterPrevious();
  int rowTiles = (rows + ROWS - 1) / ROWS, featureTiles = (outFeatures + FEATURES - 1) / FEATURES;
  int perGroup = GROUP * featureTiles, group = blockIdx.x / perGroup, inGroup = blockIdx.x % perGroup, groupRows = min(GROUP, rowTiles - group * GROUP);
  Tiles<T> tiles{x, weight, rows, outFeatures, inFeatures, (group * GROUP + inGroup % groupRows) * ROWS, inGroup / groupRows * FEATURES, (sharedAddress(unaligned) + 1023) & ~1023u};
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, steps = (inFeatures + DEPTH - 1) / DEPTH;
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  float sum[128];
#pragma unroll
  for (int s = 0; s < 2; s++) {
    if (s < steps) tiles.fetch(s * DEPTH, s);
    commitCopies();
  }
  int half = threadIdx.x / 128;
  for (int step = 0; step < steps; step++) {
    waitForCopies<1>();
    publishShared();
    __syncthreads();
    uint32_t stage = tiles.shared + step % STAGES * STAGE;
    uint64_t a = tileDescriptor(stage + half * (X_TILE / 2)), b = tileDescriptor(stage + X_TILE);
    beginWarpgroup();
#pragma unroll
    for (int k = 0; k < DEPTH / 16; k++) warpgroupProduct<T>(sum, a + 2 * k, b + 2 * k, step + k > 0);
    commitWarpgroup();
    // The stage written now was read two steps ago, which all warpgroups have waited for before the barrier above.
    if (step + 2 < steps) tiles.fetch((step + 2) * DEPTH, (step + 2) % STAGES);
    commitCopies();
    waitForWarpgroup<1>();
  }
  waitForWarpgroup<0>();
  int row = tiles.row0 + half * 64 + warp % 4 * 16 + lane / 4;
#pragma unroll
  for (int n = 0; n < FEATURES / 8; n++) {
    int feature = tiles.feature0 + n * 8 + lane % 4 * 2;
    store(out, outStride, bias, scales, rows, outFeatures, row, feature, sum[4 * n], sum[4 * n + 1]);
    store(out, outStride, bias, scales, rows, outFeatures, row + 8, feature, sum[4 * n + 2], sum[4 * n + 3]);
  }
#else
  float sum[4][8][4] = {};
  int warpRow = warp / 4 * 64, warpFeature = warp % 4 * 64;
  tiles.fetch(0, 0);
  commitCopies();
  for (int step = 0; step < steps; step++) {
    waitForCopies<0>();
    __syncthreads();
    if (step + 1 < steps) tiles.fetch((step + 1) * DEPTH, (step + 1) % STAGES);
    commitCopies();
    uint32_t xs = tiles.shared + step % STAGES * STAGE, ws = xs + X_TILE;
#pragma unroll
    for (int k = 0; k < DEPTH / 16; k++) {
      uint32_t a[4][4];
#pragma unroll
      for (int i = 0; i < 4; i++) loadMatrices(a[i], xs + place(warpRow + i * 16 + lane % 16, k * 2 + lane / 16));
#pragma unroll
      for (int j = 0; j < 4; j++) {
        uint32_t b[4];
        loadMatrices(b, ws + place(warpFeature + j * 16 + lane / 16 * 8 + lane % 8, k * 2 + lane / 8 % 2));
#pragma unroll
        for (int i = 0; i < 4; i++) mma<T>(sum[i][2 * j], a[i], b[0], b[1]), mma<T>(sum[i][2 * j + 1], a[i], b[2], b[3]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 8; j++) {
      int row = tiles.row0 + warpRow + i * 16 + lane / 4, feature = tiles.feature0 + warpFeature + j * 8 + lane % 4 * 2;
      store(out, outStride, bias, scales, rows, outFeatures, row, feature, sum[i][j][0], sum[i][j][1]);
      store(out, outStride, bias, scales, rows, outFeatures, row + 8, feature, sum[i][j][2], sum[i][j][3]);
    }
#endif
}

#define ENTRY(T)                                                                                                                                          \
  extern "C" __global__ void __launch_bounds__(THREADS, 1) gemm_16_##T(float *out, long long outStride, const T *x, const T *weight, const float *bias,   \
                                                                       const float *scales, int rows, int outFeatures, int inFeatures) {                  \
    product<T>(out, outStride, x, weight, bias, scales, rows, outFeatures, inFeatures);                                                                   \
  }
ENTRY(bf16)
ENTRY(f16)
