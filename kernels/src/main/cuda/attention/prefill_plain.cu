// Causal attention of many query rows over plain BF16 pages on tensor cores: a block takes 128 rows of one query head; pages stream through shared memory, two
// under way; on Hopper, with 64 or 128 channels, through four stages past two warpgroups. Grid: (query heads, blocks of rows).
#include "../common/cp_async.cuh"
#include "../kvcache/plain_pages.cuh"
#include "row_block.cuh"
#include "warpgroup_rows.cuh"

constexpr int STAGES = 2;

// stats: see RowBlock; may be null.
template <int D>
__device__ void prefill(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages, const int *startPosition,
                        int rows, int groupSize, float scale, int window, float2 *stats) {
  extern __shared__ __align__(128) uint8_t shared[];
  constexpr int SIDE = PAGE_TOKENS * D * 2, PAGE = 2 * SIDE, V_CHUNKS = D / 8, THREADS = ROW_THREADS;
  startAfterPrevious();
  int head = blockIdx.x, kvHead = head / groupSize, start = *startPosition;
  // The last rows have most to do: they begin first.
  int row0 = (gridDim.y - 1 - blockIdx.y) * BLOCK_ROWS, blockLast = start + min(row0 + BLOCK_ROWS, rows) - 1;
  int blockFirst = start + row0 - min(start + row0, window - 1);
  int begin = blockFirst / PAGE_TOKENS, end = blockLast / PAGE_TOKENS + 1;

  auto fetch = [&](int page, int stage) {
    const uint8_t *source = (const uint8_t *)headKeys<bf16>(pages, page, kvHead, D);
    uint32_t target = sharedAddress(shared) + stage * PAGE;
    for (int c = threadIdx.x; c < SIDE / 16; c += THREADS) copyAsync(target + place<8>(c / 8, c % 8), source + c * 16);
    for (int c = threadIdx.x; c < SIDE / 16; c += THREADS)
      copyAsync(target + SIDE + place<V_CHUNKS>(c / V_CHUNKS, c % V_CHUNKS), source + SIDE + c * 16);
  };
  fetch(begin, 0);
  commitCopies();
  RowBlock<D> block(q, qStride, head, row0, rows, start, scale);
  for (int page = begin; page < end; page++) {
    waitForCopies<0>();
    __syncthreads();
    if (page + 1 < end) fetch(page + 1, (page + 1 - begin) % STAGES);
    commitCopies();
    uint8_t *stage = shared + (page - begin) % STAGES * PAGE;
    uint32_t keys = sharedAddress(stage);
    int token0 = page * PAGE_TOKENS, warpFirst = block.warpFirst;
    if (token0 + PAGE_TOKENS - 1 > blockLast) {
      // What lies beyond the sequence may be anything, NaN included: weights of zero would not silence it.
      for (int i = threadIdx.x; i < PAGE_TOKENS * V_CHUNKS; i += THREADS)
        if (token0 + i / V_CHUNKS > blockLast) *(uint4 *)(stage + SIDE + place<V_CHUNKS>(i / V_CHUNKS, i % V_CHUNKS)) = make_uint4(0, 0, 0, 0);
      __syncthreads();
    }
    // A warp whose rows all come before this page has nothing to add.
    if (token0 > warpFirst + 15) continue;
    bool masked = token0 + PAGE_TOKENS - 1 > warpFirst || (window <= warpFirst + 15 && token0 <= warpFirst + 15 - window);
    block.attend(keys, keys + SIDE, masked, [&](int t, int own) { return token0 + t > own || own - (token0 + t) >= window; });
  }
  block.store(out, outStride, head, gridDim.x, rows, stats);
}

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
template <int D>
__device__ void prefillHopper(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages, const int *startPosition,
                              int rows, int groupSize, float scale, int window, float2 *stats) {
  extern __shared__ uint8_t unaligned[];
  using Rows = WarpgroupRows<D>;
  constexpr int SIDE = Rows::SIDE, CHUNKS = D / 8;
  startAfterPrevious();
  uint32_t stages = (sharedAddress(unaligned) + GROUP_ALIGNMENT - 1) & ~(GROUP_ALIGNMENT - 1);
  int head = blockIdx.x, kvHead = head / groupSize, start = *startPosition;
  // The last rows have most to do: they begin first.
  int row0 = (gridDim.y - 1 - blockIdx.y) * BLOCK_ROWS, blockLast = start + min(row0 + BLOCK_ROWS, rows) - 1;
  int blockFirst = start + row0 - min(start + row0, window - 1);
  int begin = blockFirst / PAGE_TOKENS, end = blockLast / PAGE_TOKENS + 1;
  auto stage = [&](int page) { return stages + (page - begin) % GROUP_STAGES * (2 * SIDE); };
  auto fetch = [&](int page) {
    if (page < end) {
      const uint8_t *source = (const uint8_t *)headKeys<bf16>(pages, page, kvHead, D);
      uint32_t target = stage(page);
      for (int c = threadIdx.x; c < SIDE / 16; c += ROW_THREADS) copyAsync(target + Rows::keyPlace(c), source + c * 16);
      for (int c = threadIdx.x; c < SIDE / 16; c += ROW_THREADS) copyAsync(target + SIDE + Rows::valuePlace(c / CHUNKS, c % CHUNKS), source + SIDE + c * 16);
    }
    commitCopies();
  };
  // After it a page is there for all, and what was read two pages ago is being replaced.
  auto arrive = [&](int page) {
    waitForCopies<1>();
    int beyond = blockLast + 1 - page * PAGE_TOKENS;
    if (beyond < PAGE_TOKENS) {
      // What lies beyond the sequence may be anything, NaN included: weights of zero would not silence it.
      __syncthreads();
      for (int i = threadIdx.x; i < PAGE_TOKENS * CHUNKS; i += ROW_THREADS)
        if (i / CHUNKS >= beyond) storeZeros(stage(page) + SIDE + Rows::valuePlace(i / CHUNKS, i % CHUNKS));
    }
    publishShared();
    __syncthreads();
    fetch(page + 2);
  };
  fetch(begin);
  fetch(begin + 1);
  Rows block(q, qStride, head, row0, rows, start, scale);
  int groupFirst = start + row0 + threadIdx.x / 128 * 64, groupEnd = min(end, (groupFirst + 63) / PAGE_TOKENS + 1);
  auto masked = [&](int page) {
    int token0 = page * PAGE_TOKENS;
    return token0 + PAGE_TOKENS - 1 > block.warpFirst || (window <= block.warpFirst + 15 && token0 <= block.warpFirst + 15 - window);
  };
  auto hides = [&](int page) {
    int token0 = page * PAGE_TOKENS;
    return [=](int t, int own) { return token0 + t > own || own - (token0 + t) >= window; };
  };
  arrive(begin);
  block.begin(stage(begin), masked(begin), hides(begin));
  for (int page = begin + 1; page < groupEnd; page++) {
    arrive(page);
    block.advance(stage(page), stage(page - 1), masked(page), hides(page));
  }
  block.finish(stage(groupEnd - 1));
  for (int page = groupEnd; page < end; page++) arrive(page);
  block.store(out, outStride, head, gridDim.x, rows, stats);
}
#endif

template <int D>
__device__ __forceinline__ void prefillBest(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages,
                                            const int *startPosition, int rows, int groupSize, float scale, int window, float2 *stats) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  if constexpr (D % 64 == 0) return prefillHopper<D>(out, outStride, q, qStride, pages, startPosition, rows, groupSize, scale, window, stats);
#endif
  prefill<D>(out, outStride, q, qStride, pages, startPosition, rows, groupSize, scale, window, stats);
}

#define ENTRY(D)                                                                                                                           \
  extern "C" __global__ void __launch_bounds__(ROW_THREADS, 1)                                                                             \
      prefill_plain_bf16_d##D(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages,         \
                              const int *startPosition, int rows, int groupSize, float scale, int window, float2 *stats) {                 \
    prefillBest<D>(out, outStride, q, qStride, pages, startPosition, rows, groupSize, scale, window, stats);                                   \
  }
ENTRY(32)
ENTRY(64)
ENTRY(80)
ENTRY(96)
ENTRY(128)
