// Causal attention of many query rows over a layer that packs, on tensor cores: packed pages, lines and hot tokens, in any format. A block takes 128 rows of one
// query head; packed pages are unpacked into shared memory as BF16 tiles, once for all its rows. Grid: (query heads, blocks of rows).
#include "../common/cp_async.cuh"
#include "../kvcache/codecs/packed_side.cuh"
#include "../kvcache/line_layer.cuh"
#include "row_block.cuh"

// Unpacks a page: keys [D][64], values [64][D], in the places where tensor cores look for them.
template <int D> __device__ __forceinline__ void unpack(uint8_t *keys, uint8_t *values, const PackedFormat &format, unsigned long long page, int kvHead) {
  constexpr int V_CHUNKS = D / 8;
  PackedSide k(format, page, kvHead, D, false), v(format, page, kvHead, D, true);
  int perWord = 32 / k.bits, mask = (1 << k.bits) - 1;
  for (int i = threadIdx.x; i < PAGE_TOKENS * D / perWord; i += ROW_THREADS) {
    int token = i % PAGE_TOKENS, channel = i / PAGE_TOKENS * perWord;
    uint32_t word = k.word(token, channel);
    for (int j = 0; j < perWord; j++, word >>= k.bits)
      *(bf16 *)(keys + place<8>(channel + j, token / 8) + token % 8 * 2) = fromFloat<bf16>(k.value(word & mask, token, channel + j));
  }
  perWord = 32 / v.bits, mask = (1 << v.bits) - 1;
  for (int i = threadIdx.x; i < PAGE_TOKENS * D / perWord; i += ROW_THREADS) {
    int channel = i % D, token = i / D * perWord;
    uint32_t word = v.word(token, channel);
    for (int j = 0; j < perWord; j++, word >>= v.bits)
      *(bf16 *)(values + place<V_CHUNKS>(token + j, channel / 8) + channel % 8 * 2) = fromFloat<bf16>(v.value(word & mask, token + j, channel));
  }
}

// q is transformed as the keys are; stats as RowBlock's.
template <int D>
__device__ void prefill(float *out, long long outStride, const float *q, long long qStride, const LineLayer *layers, const int *startPosition, float2 *stats,
                        int rows, int groupSize, float scale, int window, const PackedFormat &format) {
  extern __shared__ __align__(128) uint8_t shared[];
  // Where each token of the tile stands; beyond all rows where it is not to be seen.
  __shared__ int positions[PAGE_TOKENS];
  constexpr int SIDE = PAGE_TOKENS * D * 2, V_CHUNKS = D / 8, HIDDEN = 0x7fffffff;
  startAfterPrevious();
  const LineLayer &layer = *layers;
  int head = blockIdx.x, kvHead = head / groupSize, start = *startPosition;
  int row0 = (gridDim.y - 1 - blockIdx.y) * BLOCK_ROWS, blockLast = start + min(row0 + BLOCK_ROWS, rows) - 1;
  int first = firstVisible(start + row0, window), hotStart = layer.hotStart();
  RowBlock<D> block(q, qStride, head, row0, rows, start, scale);
  int firstPage = max(layer.firstPage, first / PAGE_TOKENS), pages = layer.packedPages - firstPage;
  int firstHot = max(0, (first - hotStart) / PAGE_TOKENS), hotTiles = (blockLast - hotStart) / PAGE_TOKENS + 1 - firstHot;
  for (int i = 0; i < pages + layer.slabTiles + hotTiles; i++) {
    int tile = i - pages, base = 0;
    unsigned long long dead;
    __syncthreads();
    if (i < pages) {
      int page = firstPage + i;
      base = page * PAGE_TOKENS;
      dead = layer.lineMasks[kvHead * layer.maxPages + page];
      unpack<D>(shared, shared + SIDE, format, layer.pages[page], kvHead);
    } else {
      bool isSlab = tile < layer.slabTiles;
      int hot = firstHot + tile - layer.slabTiles;
      base = hotStart + hot * PAGE_TOKENS;
      dead = isSlab ? layer.slabDead[kvHead * SLAB_TILES + tile] : outside(base, 0, blockLast);
      const uint8_t *source = (const uint8_t *)headKeys<bf16>(layer.tiles, isSlab ? tile : SLAB_TILES + hot, kvHead, D);
      uint32_t target = sharedAddress(shared);
      for (int c = threadIdx.x; c < SIDE / 16; c += ROW_THREADS) {
        copyAsync(target + place<8>(c / 8, c % 8), source + c * 16);
        copyAsync(target + SIDE + place<V_CHUNKS>(c / V_CHUNKS, c % V_CHUNKS), source + SIDE + c * 16);
      }
      commitCopies();
      waitForCopies<0>();
      __syncthreads();
      // What no row sees may be anything, NaN included: weights of zero would not silence it.
      for (int c = threadIdx.x; c < SIDE / 16; c += ROW_THREADS)
        if (dead >> (c / V_CHUNKS) & 1) *(uint4 *)(shared + SIDE + place<V_CHUNKS>(c / V_CHUNKS, c % V_CHUNKS)) = make_uint4(0, 0, 0, 0);
    }
    int t = threadIdx.x;
    if (t < PAGE_TOKENS) {
      int position = i >= pages && tile < layer.slabTiles ? layer.slabPosition[kvHead * SLAB_ROWS + tile * PAGE_TOKENS + t] : base + t;
      positions[t] = dead >> t & 1 ? HIDDEN : position;
    }
    __syncthreads();
    if (i >= pages + layer.slabTiles && base > block.warpFirst + 15) continue;
    bool masked = dead != 0 || first > 0 || window <= blockLast || base + PAGE_TOKENS - 1 > block.warpFirst;
    block.attend(sharedAddress(shared), sharedAddress(shared) + SIDE, masked, [&](int token, int own) { return positions[token] > own || own - positions[token] >= window; });
  }
  block.store(out, outStride, head, gridDim.x, rows, stats);
}

#define ENTRY(D)                                                                                                                                          \
  extern "C" __global__ void __launch_bounds__(ROW_THREADS, 1)                                                                                            \
      prefill_lines_d##D(float *out, long long outStride, const float *q, long long qStride, const LineLayer *layers, const int *startPosition,            \
                         float2 *stats, int rows, int groupSize, float scale, int window, int keyBits, int keyGroup, int valueBits, int valueGroup,        \
                         int keyByteSize, int headByteSize) {                                                                                             \
    prefill<D>(out, outStride, q, qStride, layers, startPosition, stats, rows, groupSize, scale, window,                                                   \
               PackedFormat{keyBits, keyGroup, valueBits, valueGroup, keyByteSize, headByteSize});                                                        \
  }
ENTRY(32)
ENTRY(64)
ENTRY(80)
ENTRY(96)
ENTRY(128)
