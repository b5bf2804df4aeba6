// One layer that keeps lines and the newest tokens in 16 bits and packs the rest (LineKvLayer.java says what that means), as kernels see it. Twin of
// LineLayerTable.java. The host sets addresses and counts, which follow from the length alone; what depends on attention weights stays on the device.
#pragma once
#include "plain_pages.cuh"

constexpr int SLAB_ROWS = 512, SLAB_TILES = SLAB_ROWS / PAGE_TOKENS, MIN_AGE = 16, NO_LINE = -1;
// Query heads of a group whose scores of one decoded row are kept.
constexpr int LOGIT_HEADS = 8;

struct LineLayer {
  const unsigned long long *pages;  // packed pages of all heads
  unsigned long long *lineMasks;    // [kvHeads][maxPages]: bit j set where token j is a line
  const unsigned long long *tiles;  // SLAB_TILES of the slab, then the hot tiles: BF16, all heads
  unsigned long long *slabDead;     // [kvHeads][SLAB_TILES]: bit set where a row holds no line
  int *slabPosition;                // [kvHeads][SLAB_ROWS], or NO_LINE
  float *slabScore;                 // [kvHeads][SLAB_ROWS]: means of attention weights
  float *slabSum;                   // [kvHeads][SLAB_ROWS]: weights of the rows not yet in them
  float *hotTotal;                  // [kvHeads][ringTokens]: sums of attention weights
  int *hotRows;                     // [kvHeads][ringTokens]: of so many rows
  float *hotSum;                    // [kvHeads][ringTokens]: weights of a decoded row that is not yet in them
  int *pending;                     // [kvHeads]: position + 1 of that row, or 0
  float *mean;                      // [kvHeads][headDim]: subtracted from every key
  float *logits;                    // [kvHeads][logitTiles][64 tokens][LOGIT_HEADS]: scores of a decoded row, base 2
  uint4 *failure;                   // host memory: position + 1, layer, head and channel (0xffff: all), bits of a value (or norm) that cannot be stored
  long long maxPages;
  int ringTokens, logitTiles, index;
  int slabTiles, hotTiles, firstPage, packedPages;
  int observedFrom;  // rows before say nothing of lines: their tokens all wait in the window

  __device__ int hotStart() const { return packedPages * PAGE_TOKENS; }
  // Until the first page is packed everything is as a plain layer has it.
  __device__ bool isTransformed() const { return packedPages > 0; }
};
static_assert(sizeof(LineLayer) == 152, "LineLayerTable.java lays it out");

// Tokens [base, base + 64) that are not in [first, last], as bits.
__device__ __forceinline__ unsigned long long outside(int base, int first, int last) {
  unsigned long long dead = 0;
  int below = first - base, through = last - base + 1;
  if (below > 0) dead |= below >= 64 ? ~0ull : (1ull << below) - 1;
  if (through < 64) dead |= through <= 0 ? ~0ull : ~0ull << through;
  return dead;
}

// First position that a query sees.
__device__ __forceinline__ int firstVisible(int position, int window) { return position >= window ? position - window + 1 : 0; }

// Takes the weights that a decoded row left into the means of one head; all threads of a block, without a barrier. As LineScores.java: a slab row's mean is
// exponential with a half-life of 512 rows, of which `kept` is one's part.
__device__ __forceinline__ void settleRow(const LineLayer &layer, int kvHead, int position, float kept, int window) {
  // Reading first, so that the rows of a thread do not wait for one another.
  constexpr int BATCH = 4;
  for (int base = threadIdx.x; base < layer.slabTiles * PAGE_TOKENS; base += BATCH * blockDim.x) {
    float score[BATCH], sum[BATCH];
#pragma unroll
    for (int b = 0; b < BATCH; b++) {
      int r = min(base + b * (int)blockDim.x, SLAB_ROWS - 1);
      score[b] = layer.slabScore[kvHead * SLAB_ROWS + r], sum[b] = layer.slabSum[kvHead * SLAB_ROWS + r];
    }
#pragma unroll
    for (int b = 0; b < BATCH; b++) {
      int r = base + b * blockDim.x;
      // A row without a line gets a score when one comes.
      if (r < SLAB_ROWS) layer.slabScore[kvHead * SLAB_ROWS + r] = __fadd_rn(__fmul_rn(score[b], kept), __fmul_rn(sum[b], __fsub_rn(1.f, kept)));
    }
  }
  int start = layer.hotStart();
  for (int slot = threadIdx.x; slot <= position - start; slot += blockDim.x) {
    int i = kvHead * layer.ringTokens + slot, age = position - start - slot;
    layer.hotTotal[i] = __fadd_rn(layer.hotTotal[i], layer.hotSum[i]);
    layer.hotRows[i] += age > MIN_AGE && age < window;
  }
}
