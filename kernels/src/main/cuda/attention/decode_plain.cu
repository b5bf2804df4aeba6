// Decode attention (one query row) over plain BF16 pages on tensor cores, split over the keys. A block takes whole pages of one KV head, three of them under
// way; each of its 4 warps takes 16 tokens of a page: S^T = K Q^T with tokens as rows and the query heads of the group as columns, then O^T = V^T P^T.
// Queries and weights are the sum of two BF16 numbers, so their rounding is 2^-17, not 2^-9; with up to 4 heads both halves share one product.
// Grid: (splits, KV heads * blocks of heads, sequences); the page table of a sequence is so many bytes from the first one's.
#include "../common/cp_async.cuh"
#include "../kvcache/plain_pages.cuh"
#include "tile_scores.cuh"

constexpr int WARPS = 4, THREADS = WARPS * WARP, STAGES = 3, HEADS = 8;

// SPLIT_COLUMNS: at most 4 heads; column h holds the upper half of head h, column h + 4 the lower one.
template <int D, bool SPLIT_COLUMNS>
__device__ void decode(float *out, const float *q, const unsigned long long *pages, const long long *tableOffsets, const int *position, float *partials,
                       unsigned *counters, int numKvHeads, int groupSize, float scale, int window) {
  extern __shared__ __align__(128) uint8_t shared[];
  __shared__ bool isLast;
  constexpr int SIDE = PAGE_TOKENS * D * 2, PAGE = 2 * SIDE, V_CHUNKS = D / 8;
  startAfterPrevious();
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, row = lane / 4, pair = lane % 4;
  int headBlocks = (groupSize + HEADS - 1) / HEADS, kvHead = blockIdx.y / headBlocks, firstHead = blockIdx.y % headBlocks * HEADS;
  int heads = min(HEADS, groupSize - firstHead), sequence = blockIdx.z;
  if (tableOffsets) pages += tableOffsets[sequence] / (long long)sizeof(*pages);
  long long queryOffset = ((long long)sequence * numKvHeads * groupSize + kvHead * groupSize + firstHead) * D;
  q += queryOffset, out += queryOffset;
  int last = position[sequence], first = window > last ? 0 : last - window + 1;
  int firstPage = first / PAGE_TOKENS, count = last / PAGE_TOKENS + 1 - firstPage;
  // A sequence of fewer pages has fewer blocks to merge.
  int splits = min((int)gridDim.x, count), split = blockIdx.x;
  if (split >= splits) return;
  int begin = firstPage + (int)((long long)count * split / splits), end = firstPage + (int)((long long)count * (split + 1) / splits);

  // Addresses are read a page ahead of the copies, so that no copy waits for one.
  auto address = [&](int page) { return page < end ? pages[page] + (unsigned long long)kvHead * PAGE : 0ull; };
  unsigned long long upcoming = address(begin);
  auto fetch = [&](int page, int stage) {
    const uint8_t *source = (const uint8_t *)upcoming;
    upcoming = address(page + 1);
    uint32_t target = sharedAddress(shared) + stage * PAGE;
#pragma unroll
    for (int i = 0; i < SIDE / 16 / THREADS; i++) {
      int c = i * THREADS + threadIdx.x;
      copyAsync(target + place<8>(c / 8, c % 8), source + c * 16);
    }
#pragma unroll
    for (int i = 0; i < SIDE / 16 / THREADS; i++) {
      int c = i * THREADS + threadIdx.x;
      copyAsync(target + SIDE + place<V_CHUNKS>(c / V_CHUNKS, c % V_CHUNKS), source + SIDE + c * 16);
    }
  };
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (begin + s < end) fetch(begin + s, s);
    commitCopies();
  }
  // Fragments of Q^T [channels][heads]: lane / 4 is the column.
  constexpr int HALVES = SPLIT_COLUMNS ? 1 : 2;
  uint32_t queries[HALVES][D / 16][2];
  {
    int head = SPLIT_COLUMNS ? row % 4 : row;
    bool present = head < heads;
#pragma unroll
    for (int k = 0; k < D / 16; k++)
#pragma unroll
      for (int i = 0; i < 2; i++) {
        const float *x = q + head * D + k * 16 + pair * 2 + i * 8;
        float a = present ? x[0] * scale : 0.f, b = present ? x[1] * scale : 0.f;
        float aHigh = __bfloat162float(__float2bfloat16_rn(a)), bHigh = __bfloat162float(__float2bfloat16_rn(b));
        uint32_t high = pack<bf16>(aHigh, bHigh), low = pack<bf16>(a - aHigh, b - bHigh);
        queries[0][k][i] = !SPLIT_COLUMNS || row < 4 ? high : low;
        if (!SPLIT_COLUMNS) queries[HALVES - 1][k][i] = low;
      }
  }
  float mixed[D / 16][4], largest[2] = {NOTHING, NOTHING}, sum[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < D / 16; i++) mixed[i][0] = mixed[i][1] = mixed[i][2] = mixed[i][3] = 0;

  for (int page = begin; page < end; page++) {
    waitForCopies<STAGES - 2>();
    __syncthreads();
    int ahead = page + STAGES - 1;
    if (ahead < end) fetch(ahead, (ahead - begin) % STAGES);
    commitCopies();
    uint8_t *stage = shared + (page - begin) % STAGES * PAGE;
    uint32_t keys = sharedAddress(stage), values = keys + SIDE;
    int token0 = page * PAGE_TOKENS + warp * 16;
    bool partial = token0 < first || token0 + 15 > last;
    if (partial) {
      // What lies beyond the sequence may be anything, NaN included: weights of zero would not silence it.
      for (int i = lane; i < 16 * V_CHUNKS; i += WARP) {
        int t = i / V_CHUNKS;
        if (token0 + t < first || token0 + t > last) *(uint4 *)(stage + SIDE + place<V_CHUNKS>(warp * 16 + t, i % V_CHUNKS)) = make_uint4(0, 0, 0, 0);
      }
      __syncwarp();
    }
    // Scores of 16 tokens [tokens][heads].
    float score[4] = {0, 0, 0, 0};
#pragma unroll
    for (int k = 0; k < D / 16; k++) {
      uint32_t a[4];
      // Matrices: (channels 0-7, tokens 0-7), (0-7, 8-15), (8-15, 0-7), (8-15, 8-15), each transposed by the load.
      int channel = k * 16 + lane / 16 * 8 + lane % 8;
      loadMatricesTransposed(a, keys + place<8>(channel, warp * 2 + lane / 8 % 2));
      mma<bf16>(score, a, queries[0][k][0], queries[0][k][1]);
      if (!SPLIT_COLUMNS) mma<bf16>(score, a, queries[HALVES - 1][k][0], queries[HALVES - 1][k][1]);
    }
    if (SPLIT_COLUMNS) {
#pragma unroll
      for (int i = 0; i < 4; i++) score[i] += __shfl_xor_sync(ALL_LANES, score[i], 2);
    }
    if (partial) {
      bool seen0 = token0 + row >= first && token0 + row <= last, seen1 = token0 + row + 8 >= first && token0 + row + 8 <= last;
      if (!seen0) score[0] = score[1] = NOTHING;
      if (!seen1) score[2] = score[3] = NOTHING;
    }
    float now[2] = {fmaxf(largest[0], fmaxf(score[0], score[2])), fmaxf(largest[1], fmaxf(score[1], score[3]))};
#pragma unroll
    for (int i = 4; i < WARP; i *= 2) now[0] = fmaxf(now[0], __shfl_xor_sync(ALL_LANES, now[0], i)), now[1] = fmaxf(now[1], __shfl_xor_sync(ALL_LANES, now[1], i));
    float shrink[2] = {exp2Fast(largest[0] - now[0]), exp2Fast(largest[1] - now[1])};
    if (__any_sync(ALL_LANES, shrink[0] != 1.f || shrink[1] != 1.f)) {
#pragma unroll
      for (int i = 0; i < D / 16; i++) mixed[i][0] *= shrink[0], mixed[i][1] *= shrink[1], mixed[i][2] *= shrink[0], mixed[i][3] *= shrink[1];
      sum[0] *= shrink[0], sum[1] *= shrink[1];
    }
    largest[0] = now[0], largest[1] = now[1];
    float p[4];
#pragma unroll
    for (int i = 0; i < 4; i++) p[i] = score[i] == NOTHING ? 0.f : exp2Fast(score[i] - now[i % 2]);
    sum[0] += p[0] + p[2], sum[1] += p[1] + p[3];
    uint32_t high[2], low[2];
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float a = p[2 * i], b = p[2 * i + 1], aHigh = __bfloat162float(__float2bfloat16_rn(a)), bHigh = __bfloat162float(__float2bfloat16_rn(b));
      high[i] = pack<bf16>(aHigh, bHigh), low[i] = pack<bf16>(a - aHigh, b - bHigh);
      if (SPLIT_COLUMNS && pair >= 2) high[i] = low[i];
      high[i] = transposePair(high[i]);
      if (!SPLIT_COLUMNS) low[i] = transposePair(low[i]);
    }
#pragma unroll
    for (int i = 0; i < D / 16; i++) {
      uint32_t a[4];
      // V^T [16 channels][16 tokens] from rows of tokens.
      int token = warp * 16 + lane / 16 * 8 + lane % 8;
      loadMatricesTransposed(a, values + place<V_CHUNKS>(token, i * 2 + lane / 8 % 2));
      mma<bf16>(mixed[i], a, high[0], high[1]);
      if (!SPLIT_COLUMNS) mma<bf16>(mixed[i], a, low[0], low[1]);
    }
  }
  waitForCopies<0>();
#pragma unroll
  for (int i = 4; i < WARP; i *= 2) sum[0] += __shfl_xor_sync(ALL_LANES, sum[0], i), sum[1] += __shfl_xor_sync(ALL_LANES, sum[1], i);
  if (SPLIT_COLUMNS) {
#pragma unroll
    for (int i = 0; i < D / 16; i++)
#pragma unroll
      for (int j = 0; j < 4; j++) mixed[i][j] += __shfl_xor_sync(ALL_LANES, mixed[i][j], 2);
  }
  __syncthreads();
  constexpr int ROW = PARTIAL_FLOATS<D>;
  float *perWarp = (float *)shared;
#pragma unroll
  for (int j = 0; j < 2; j++) {
    int head = pair * 2 + j;
    if (head >= heads) continue;
    float *target = perWarp + (warp * heads + head) * ROW;
#pragma unroll
    for (int i = 0; i < D / 16; i++) target[i * 16 + row] = mixed[i][j], target[i * 16 + row + 8] = mixed[i][2 + j];
    if (row == 0) target[D] = largest[j], target[D + 1] = sum[j];
  }
  __syncthreads();
  int slot = sequence * gridDim.y + blockIdx.y;
  finish<D, WARPS, HEADS>(perWarp, heads, partials, counters, slot, split, splits, out, &isLast);
}

#define ENTRY(D)                                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                                                            \
      decode_plain_bf16_d##D(float *out, const float *q, const unsigned long long *pages, const long long *tableOffsets, const int *position, float *partials, \
                             unsigned *counters, int numKvHeads, int groupSize, float scale, int window) {                                           \
    if (groupSize <= 4)                                                                                                                              \
      decode<D, true>(out, q, pages, tableOffsets, position, partials, counters, numKvHeads, groupSize, scale, window);                               \
    else                                                                                                                                             \
      decode<D, false>(out, q, pages, tableOffsets, position, partials, counters, numKvHeads, groupSize, scale, window);                              \
  }
ENTRY(32)
ENTRY(64)
ENTRY(80)
ENTRY(96)
ENTRY(128)
