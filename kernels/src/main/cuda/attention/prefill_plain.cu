// Causal attention of many query rows over plain BF16 pages on tensor cores (Dao 2023, FlashAttention-2): a block takes 128 rows of one query head, a warp
// 16 of them; pages stream through shared memory, two under way. Queries and weights are rounded to BF16, sums are float32.
// Grid: (query heads, blocks of rows).
#include "../common/cp_async.cuh"
#include "../kvcache/plain_pages.cuh"
#include "tile_scores.cuh"

constexpr int WARPS = 8, THREADS = WARPS * WARP, ROWS = WARPS * 16, STAGES = 2;

template <int D>
__device__ void prefill(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages, const int *startPosition,
                        int rows, int groupSize, float scale, int window) {
  extern __shared__ __align__(128) uint8_t shared[];
  constexpr int SIDE = PAGE_TOKENS * D * 2, PAGE = 2 * SIDE, V_CHUNKS = D / 8;
  startAfterPrevious();
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  int head = blockIdx.x, kvHead = head / groupSize, start = *startPosition;
  // The last rows have most to do: they begin first.
  int row0 = (gridDim.y - 1 - blockIdx.y) * ROWS, blockLast = start + min(row0 + ROWS, rows) - 1;
  int blockFirst = start + row0 - min(start + row0, window - 1);
  int begin = blockFirst / PAGE_TOKENS, end = blockLast / PAGE_TOKENS + 1;
  int myRow[2] = {row0 + warp * 16 + row, row0 + warp * 16 + row + 8}, position[2] = {start + myRow[0], start + myRow[1]};

  auto fetch = [&](int page, int stage) {
    const uint8_t *source = (const uint8_t *)headKeys<bf16>(pages, page, kvHead, D);
    uint32_t target = sharedAddress(shared) + stage * PAGE;
    for (int c = threadIdx.x; c < SIDE / 16; c += THREADS) copyAsync(target + place<8>(c / 8, c % 8), source + c * 16);
    for (int c = threadIdx.x; c < SIDE / 16; c += THREADS)
      copyAsync(target + SIDE + place<V_CHUNKS>(c / V_CHUNKS, c % V_CHUNKS), source + SIDE + c * 16);
  };
  fetch(begin, 0);
  commitCopies();
  uint32_t queries[D / 16][4];
#pragma unroll
  for (int k = 0; k < D / 16; k++)
#pragma unroll
    for (int i = 0; i < 4; i++) {
      int r = myRow[i % 2];
      const float *x = q + r * qStride + head * D + k * 16 + pair * 2 + i / 2 * 8;
      queries[k][i] = r < rows ? pack<bf16>(x[0] * scale, x[1] * scale) : 0;
    }
  float mixed[D / 8][4], largest[2] = {NOTHING, NOTHING}, sum[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < D / 8; i++) mixed[i][0] = mixed[i][1] = mixed[i][2] = mixed[i][3] = 0;

  for (int page = begin; page < end; page++) {
    waitForCopies<0>();
    __syncthreads();
    if (page + 1 < end) fetch(page + 1, (page + 1 - begin) % STAGES);
    commitCopies();
    uint8_t *stage = shared + (page - begin) % STAGES * PAGE;
    uint32_t keys = sharedAddress(stage), values = keys + SIDE;
    int token0 = page * PAGE_TOKENS;
    if (token0 + PAGE_TOKENS - 1 > blockLast) {
      // What lies beyond the sequence may be anything, NaN included: weights of zero would not silence it.
      for (int i = threadIdx.x; i < PAGE_TOKENS * V_CHUNKS; i += THREADS)
        if (token0 + i / V_CHUNKS > blockLast) *(uint4 *)(stage + SIDE + place<V_CHUNKS>(i / V_CHUNKS, i % V_CHUNKS)) = make_uint4(0, 0, 0, 0);
      __syncthreads();
    }
    // A warp whose rows all come before this page has nothing to add.
    int warpFirst = start + row0 + warp * 16;
    if (token0 > warpFirst + 15) continue;
    float score[8][4];
#pragma unroll
    for (int i = 0; i < 8; i++) score[i][0] = score[i][1] = score[i][2] = score[i][3] = 0;
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      int channel = k * 16 + lane / 8 % 2 * 8 + lane % 8;
#pragma unroll
      for (int n = 0; n < 4; n++) {
        uint32_t b[4];
        loadMatricesTransposed(b, keys + place<8>(channel, n * 2 + lane / 16));
        mma<bf16>(score[2 * n], queries[k], b[0], b[1]);
        mma<bf16>(score[2 * n + 1], queries[k], b[2], b[3]);
      }
    }
    bool masked = token0 + PAGE_TOKENS - 1 > warpFirst || (window <= warpFirst + 15 && token0 <= warpFirst + 15 - window);
    if (masked) {
#pragma unroll
      for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
          int token = token0 + i * 8 + pair * 2 + j % 2, own = position[j / 2];
          if (token > own || own - token >= window) score[i][j] = NOTHING;
        }
    }
    float now[2] = {largest[0], largest[1]};
#pragma unroll
    for (int i = 0; i < 8; i++) now[0] = fmaxf(now[0], fmaxf(score[i][0], score[i][1])), now[1] = fmaxf(now[1], fmaxf(score[i][2], score[i][3]));
#pragma unroll
    for (int i = 1; i < 4; i *= 2) now[0] = fmaxf(now[0], __shfl_xor_sync(ALL_LANES, now[0], i)), now[1] = fmaxf(now[1], __shfl_xor_sync(ALL_LANES, now[1], i));
    float shrink[2] = {exp2Fast(largest[0] - now[0]), exp2Fast(largest[1] - now[1])};
    largest[0] = now[0], largest[1] = now[1];
    sum[0] *= shrink[0], sum[1] *= shrink[1];
#pragma unroll
    for (int i = 0; i < D / 8; i++) mixed[i][0] *= shrink[0], mixed[i][1] *= shrink[0], mixed[i][2] *= shrink[1], mixed[i][3] *= shrink[1];
    uint32_t weights[4][4];
#pragma unroll
    for (int i = 0; i < 8; i++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        score[i][j] = masked && score[i][j] == NOTHING ? 0.f : exp2Fast(score[i][j] - now[j / 2]);
        sum[j / 2] += score[i][j];
      }
      weights[i / 2][i % 2 * 2] = pack<bf16>(score[i][0], score[i][1]);
      weights[i / 2][i % 2 * 2 + 1] = pack<bf16>(score[i][2], score[i][3]);
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
      int token = k * 16 + lane / 8 % 2 * 8 + lane % 8;
#pragma unroll
      for (int n = 0; n < D / 16; n++) {
        uint32_t b[4];
        loadMatricesTransposed(b, values + place<V_CHUNKS>(token, n * 2 + lane / 16));
        mma<bf16>(mixed[2 * n], weights[k], b[0], b[1]);
        mma<bf16>(mixed[2 * n + 1], weights[k], b[2], b[3]);
      }
    }
  }
#pragma unroll
  for (int j = 0; j < 2; j++) {
#pragma unroll
    for (int i = 1; i < 4; i *= 2) sum[j] += __shfl_xor_sync(ALL_LANES, sum[j], i);
    if (myRow[j] >= rows) continue;
    float inverse = 1.f / sum[j];
    float *target = out + myRow[j] * outStride + head * D + pair * 2;
#pragma unroll
    for (int i = 0; i < D / 8; i++) target[i * 8] = mixed[i][2 * j] * inverse, target[i * 8 + 1] = mixed[i][2 * j + 1] * inverse;
  }
}

#define ENTRY(D)                                                                                                                           \
  extern "C" __global__ void __launch_bounds__(THREADS, 1)                                                                                 \
      prefill_plain_bf16_d##D(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages,         \
                              const int *startPosition, int rows, int groupSize, float scale, int window) {                                \
    prefill<D>(out, outStride, q, qStride, pages, startPosition, rows, groupSize, scale, window);                                          \
  }
ENTRY(32)
ENTRY(64)
ENTRY(80)
ENTRY(96)
ENTRY(128)
