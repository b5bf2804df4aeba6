// Causal attention of many query rows over plain BF16 pages on tensor cores: a block takes 128 rows of one query head; pages stream through shared memory, two
// under way; on Hopper, with 64 or 128 channels, two at a time past two warpgroups. Grid: (query heads, blocks of rows).
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
  uint32_t stages = (sharedAddress(unaligned) + STAGE_ALIGNMENT - 1) & ~(STAGE_ALIGNMENT - 1);
  int head = blockIdx.x, kvHead = head / groupSize, start = *startPosition;
  // The last rows have most to do: they begin first.
  int row0 = (gridDim.y - 1 - blockIdx.y) * BLOCK_ROWS, blockLast = start + min(row0 + BLOCK_ROWS, rows) - 1;
  int blockFirst = start + row0 - min(start + row0, window - 1);
  int firstPage = blockFirst / PAGE_TOKENS, endPage = blockLast / PAGE_TOKENS + 1, firstToken = firstPage * PAGE_TOKENS;
  int steps = (endPage - firstPage + STEP_PAGES - 1) / STEP_PAGES;
  auto stage = [&](int step) { return stages + step % STEP_STAGES * Rows::STEP; };
  // A thread copies the same chunk of every so many rows, so that all its places are a few bytes from the first.
  constexpr int COPIES = SIDE / 16 / ROW_THREADS, KEY_ROWS = ROW_THREADS / 8, VALUE_ROWS = ROW_THREADS / CHUNKS;
  uint32_t keyPlace = Rows::keyPlace(threadIdx.x / 8, threadIdx.x % 8), valuePlace = Rows::valuePlace(threadIdx.x / CHUNKS, threadIdx.x % CHUNKS);
  auto fetch = [&](int step) {
#pragma unroll
    for (int i = 0; i < STEP_PAGES; i++) {
      int page = firstPage + step * STEP_PAGES + i;
      if (page >= endPage) continue;
      const uint8_t *source = (const uint8_t *)headKeys<bf16>(pages, page, kvHead, D) + threadIdx.x * 16;
      uint32_t target = stage(step) + i * Rows::PAGE;
#pragma unroll
      for (int c = 0; c < COPIES; c++) copyAsync(target + keyPlace + c * (KEY_ROWS * 128), source + c * (ROW_THREADS * 16));
#pragma unroll
      for (int c = 0; c < COPIES; c++) copyAsync(target + valuePlace + c * (VALUE_ROWS * 128), source + SIDE + c * (ROW_THREADS * 16));
    }
    commitCopies();
  };
  // After it a step is there for all, and the next one may replace what was read two steps ago.
  auto arrive = [&](int step) {
    waitForCopies<0>();
    int beyond = blockLast + 1 - firstToken - step * STEP_TOKENS;
    if (beyond < STEP_TOKENS) {
      // What lies beyond the sequence may be anything, NaN included: weights of zero would not silence it.
      __syncthreads();
      for (int i = threadIdx.x; i < STEP_TOKENS * CHUNKS; i += ROW_THREADS)
        if (i / CHUNKS >= beyond) storeZeros(stage(step) + Rows::valuePlace(i / CHUNKS, i % CHUNKS));
    }
    publishShared();
    __syncthreads();
  };
  fetch(0);
  Rows block(q, qStride, head, row0, rows, start, scale);
  int groupLast = start + row0 + threadIdx.x / 128 * 64 + 63, groupSteps = min(steps, (groupLast - firstToken) / STEP_TOKENS + 1);
  auto masked = [&](int step) {
    int token0 = firstToken + step * STEP_TOKENS;
    return token0 + STEP_TOKENS - 1 > block.warpFirst || (window <= block.warpFirst + 15 && token0 <= block.warpFirst + 15 - window);
  };
  auto hides = [&](int step) {
    int token0 = firstToken + step * STEP_TOKENS;
    return [=](int t, int own) { return token0 + t > own || own - (token0 + t) >= window; };
  };
  arrive(0);
  block.begin(stage(0), [&] { fetch(1); }, masked(0), hides(0));
  for (int step = 1; step < groupSteps; step++) {
    arrive(step);
    block.advance(stage(step), stage(step - 1), [&] { fetch(step + 1); }, masked(step), hides(step));
  }
  block.finish(stage(groupSteps - 1));
  for (int step = groupSteps; step < steps; step++) {
    arrive(step);
    fetch(step + 1);
  }
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
