// Ends a pass of a layer that packs, for one KV head: closes the scores, and when tokens have left the window, chooses the lines again among those there are
// and the tokens about to be packed (LineSelection.java: highest score first, a line counts 1.25 times, earlier positions win). A chosen token's row is copied
// into the slab; a line that lost its place becomes its codes. Grid: KV heads; a thread a slab row.
#include "../common/dtypes.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"
#include "line_layer.cuh"

constexpr int THREADS = SLAB_ROWS, WARPS = THREADS / WARP, BINS = 256;
constexpr float STAY = 1.25f;

// What closes: set by the host.
struct Pass {
  const float *sums;      // [kvHeads][sumStride]: weights of the observed rows of a pass of several, or null: then of one row, in the layer
  int sumStride;
  int hotBefore;          // hot tokens that have totals; a slot from here on has none yet
  int firstRow, endRow;   // observed rows
  int length;             // tokens now
  int pages;              // pages to pack
  int capacity;           // lines a head may have
  int sinks, linesStay, window, visibleBefore, headDim;
  float kept;             // of a slab row's mean after the observed rows
};

// Exclusive count of set flags before this thread, and the count of all.
__device__ __forceinline__ int countBefore(bool flag, int *perWarp, int &all) {
  int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  unsigned set = __ballot_sync(ALL_LANES, flag);
  __syncthreads();
  if (lane == 0) perWarp[warp] = __popc(set);
  __syncthreads();
  int before = __popc(set & ((1u << lane) - 1));
  all = 0;
  for (int w = 0; w < WARPS; w++) {
    if (w < warp) before += perWarp[w];
    all += perWarp[w];
  }
  return before;
}

__device__ __forceinline__ float hotTotal(const LineLayer &layer, const Pass &pass, int head, int slot) {
  float total = slot < pass.hotBefore ? layer.hotTotal[head * layer.ringTokens + slot] : 0.f;
  return pass.sums ? __fadd_rn(total, pass.sums[(long long)head * pass.sumStride + slot]) : total;
}
__device__ __forceinline__ int hotRows(const LineLayer &layer, const Pass &pass, int head, int slot) {
  int rows = slot < pass.hotBefore ? layer.hotRows[head * layer.ringTokens + slot] : 0;
  if (!pass.sums) return rows;
  int position = layer.hotStart() + slot;
  int end = pass.window < pass.endRow - position ? position + pass.window : pass.endRow;
  return rows + max(0, end - max(pass.firstRow, position + MIN_AGE + 1));
}

// Scores that are not negative are ordered as their bits are.
__device__ __forceinline__ unsigned long long entryOf(float score, int position) {
  return (unsigned long long)__float_as_uint(score) << 32 | (unsigned)(0x7fffffff - position);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    close_pass(const LineLayer *layers, const float *sums, int sumStride, int hotBefore, int firstRow, int endRow, int length, int pages, int capacity, int sinks,
               int linesStay, int window, int visibleBefore, int headDim, float kept) {
  Pass pass{sums, sumStride, hotBefore, firstRow, endRow, length, pages, capacity, sinks, linesStay, window, visibleBefore, headDim, kept};
  __shared__ int perWarp[WARPS], bins[BINS], chosenBin, above;
  __shared__ unsigned short freeRows[SLAB_ROWS], newRow[SLAB_ROWS];
  __shared__ int newSlot[SLAB_ROWS];
  startAfterPrevious();
  LineLayer layer = *layers;
  int head = blockIdx.x, r = threadIdx.x, warp = r / WARP, lane = r % WARP, slabAt = head * SLAB_ROWS + r;
  if (pass.sums) {
    float score = layer.slabScore[slabAt];
    float mean = __fdiv_rn(layer.slabSum[slabAt], (float)(pass.endRow - pass.firstRow));
    if (layer.slabPosition[slabAt] != NO_LINE) layer.slabScore[slabAt] = __fadd_rn(__fmul_rn(score, pass.kept), __fmul_rn(mean, __fsub_rn(1.f, pass.kept)));
  } else if (layer.pending[head] > 0) {
    settleRow(layer, head, layer.pending[head] - 1, pass.kept, pass.window);
  }
  __syncthreads();
  if (r == 0) layer.pending[head] = 0;

  int start = layer.hotStart(), end = start + pass.pages * PAGE_TOKENS, position = layer.slabPosition[slabAt];
  float score = layer.slabScore[slabAt];
  if (position != NO_LINE && position < pass.visibleBefore) position = NO_LINE;
  if (pass.pages > 0) {
    unsigned long long *masks = layer.lineMasks + head * layer.maxPages;
    for (int i = r; i < pass.pages; i += THREADS) masks[layer.packedPages + i] = 0;
    bool pinned = position != NO_LINE && (pass.linesStay || position < pass.sinks);
    int pinnedCount;
    countBefore(pinned, perWarp, pinnedCount);
    int newSinks = max(0, min(end, pass.sinks) - start), k = max(0, pass.capacity - pinnedCount - newSinks);
    int firstToken = max(start, pass.sinks), tokens = max(0, end - firstToken);
    auto lineEntry = [&]() { return position != NO_LINE && !pinned ? entryOf(__fmul_rn(score, STAY), position) : 0ull; };
    auto tokenScore = [&](int at) {
      int rows = hotRows(layer, pass, head, at - start);
      return rows == 0 ? 0.f : __fdiv_rn(hotTotal(layer, pass, head, at - start), (float)rows);
    };
    auto tokenEntry = [&](int at) {
      float s = tokenScore(at);
      return s > 0 ? entryOf(s, at) : 0ull;
    };
    // The k-th largest entry, eight bits at a time; entries differ, so there are exactly k from it on, or fewer in all.
    unsigned long long least = 0;
    int wanted = k;
    for (int shift = 56; shift >= 0 && k > 0; shift -= 8) {
      for (int b = r; b < BINS; b += THREADS) bins[b] = 0;
      __syncthreads();
      auto count = [&](unsigned long long entry) {
        bool matches = shift == 56 || entry >> (shift + 8) == least >> (shift + 8);
        if (entry != 0 && matches) atomicAdd(bins + (int)(entry >> shift & 255), 1);
      };
      count(lineEntry());
      for (int i = r; i < tokens; i += THREADS) count(tokenEntry(firstToken + i));
      __syncthreads();
      if (r == 0) {
        int sum = 0, b = BINS - 1;
        for (; b > 0 && sum + bins[b] < wanted; b--) sum += bins[b];
        chosenBin = b, above = sum;
      }
      __syncthreads();
      least |= (unsigned long long)chosenBin << shift;
      wanted -= above;
      bool whole = bins[chosenBin] <= wanted;
      __syncthreads();
      if (whole) break;
    }
    if (k == 0) least = ~0ull;
    if (least == 0) least = 1;

    if (position != NO_LINE && !pinned && lineEntry() < least) {
      atomicAnd(masks + position / PAGE_TOKENS, ~(1ull << position % PAGE_TOKENS));
      position = NO_LINE;
    }
    int freeCount, isFree = position == NO_LINE && r < layer.slabTiles * PAGE_TOKENS;
    int freeIndex = countBefore(isFree, perWarp, freeCount);
    if (isFree) freeRows[freeIndex] = r;
    int admitted = 0;
    for (int base = start; base < end; base += THREADS) {
      int at = base + r, more;
      bool chosen = at < end && (at < pass.sinks || tokenEntry(at) >= least);
      int index = admitted + countBefore(chosen, perWarp, more);
      if (chosen && index < freeCount) {
        newRow[index] = freeRows[index], newSlot[index] = at - start;
        atomicOr(masks + at / PAGE_TOKENS, 1ull << at % PAGE_TOKENS);
      }
      admitted += more;
    }
    admitted = min(admitted, freeCount);
    layer.slabPosition[slabAt] = position;
    __syncthreads();
    if (r < admitted) {
      int row = head * SLAB_ROWS + newRow[r];
      layer.slabPosition[row] = start + newSlot[r];
      layer.slabScore[row] = tokenScore(start + newSlot[r]);
    }
    const unsigned long long *hot = layer.tiles + SLAB_TILES;
    for (int i = warp; i < admitted; i += WARPS) {
      int row = newRow[i], slot = newSlot[i], D = pass.headDim;
      const bf16 *fromKeys = headKeys<bf16>(hot, slot / PAGE_TOKENS, head, D) + slot % PAGE_TOKENS;
      const bf16 *fromValues = headValues<bf16>(hot, slot / PAGE_TOKENS, head, D) + slot % PAGE_TOKENS * D;
      bf16 *toKeys = headKeys<bf16>(layer.tiles, row / PAGE_TOKENS, head, D) + row % PAGE_TOKENS;
      bf16 *toValues = headValues<bf16>(layer.tiles, row / PAGE_TOKENS, head, D) + row % PAGE_TOKENS * D;
      for (int c = lane; c < D; c += WARP) toKeys[c * PAGE_TOKENS] = fromKeys[c * PAGE_TOKENS], toValues[c] = fromValues[c];
    }
    __syncthreads();
    position = layer.slabPosition[slabAt];
  }
  // What no later query sees goes.
  if (position != NO_LINE && position < firstVisible(pass.length, pass.window)) position = NO_LINE;
  layer.slabPosition[slabAt] = position;
  unsigned dead = __ballot_sync(ALL_LANES, position == NO_LINE);
  if (lane == 0) ((unsigned *)(layer.slabDead + head * SLAB_TILES))[warp] = dead;

  // Hot tokens move up by the packed ones; a chunk is read before any of it is written.
  int packed = pass.pages * PAGE_TOKENS, remaining = pass.length - start - packed;
  for (int base = 0; base < remaining; base += THREADS) {
    int slot = base + r;
    float total = slot < remaining ? hotTotal(layer, pass, head, slot + packed) : 0.f;
    int rows = slot < remaining ? hotRows(layer, pass, head, slot + packed) : 0;
    __syncthreads();
    if (slot < remaining) {
      int i = head * layer.ringTokens + slot;
      layer.hotTotal[i] = total, layer.hotRows[i] = rows;
    }
    __syncthreads();
  }
}
