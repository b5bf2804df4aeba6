// y = W x + b for one row of x and weights in codes, at the rate that memory delivers the codes. Up to three matrices that share x run as one launch (q, k and
// v), or two as a gate and what it gates.
//
// A panel of 64 rows is the work of a cluster of blocks; its groups are divided over all their warps, and the sums meet in the first block in a fixed order.
// A warp keeps a ring of groups in shared memory, the next ones under way, and is done with them in tensor core products: codes are exact as FP16, and x is the
// sum of three FP16 numbers, in three columns of one product, so nothing is rounded but sums in float32. Each group of x is scaled by a power of two so that its
// largest number is in [2^14, 2^15).
#include "../common/cluster.cuh"
#include "../common/codes.cuh"
#include "../common/cp_async.cuh"
#include "../common/mma.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"

constexpr int WARPS = 8, THREADS = WARPS * WARP, PIECES = 3, MOST_BLOCKS = 8, ADDERS = THREADS / PANEL;
// Sums of a panel: of each warp codes and zeros apart, of outliers by each thread of a row. There are two sets, for panels in turn.
constexpr int SUMS = (2 * WARPS + ADDERS) * PANEL;
constexpr int MERGED = MOST_BLOCKS * PANEL;
// 16-bit numbers of x in a strip: pieces of [4 lanes][4 pairs].
constexpr int PIECE_HALVES = STRIP, STRIP_HALVES = PIECES * PIECE_HALVES;

template <int BITS, int GROUP, int STAGES_> struct Format {
  static constexpr int STRIPS = GROUP / STRIP, STAGES = STAGES_;
  static constexpr int CODES = GROUP * PANEL * BITS / 8, GRID = PANEL * 2;
  static constexpr bool ZEROS = BITS == 4;
  static constexpr int STAGE = CODES + (ZEROS ? 2 : 1) * GRID;
  // A lane's rows of a panel: four from FIRST * (lane / 4), four more SECOND further on.
  static constexpr int FIRST = BITS == 4 ? 4 : 8, SECOND = BITS == 4 ? 32 : 4;
};

struct Part {
  Codes weight;
  const float *bias;
  float *out;
  int rows;
};

// What this block and warp take of every panel.
struct Share {
  int matrix, first, end, blockFirst, blockEnd;

  // `members` take part in a panel's sums, this block's from `own` on, `mine` of them; a gate has half of them.
  __device__ Share(int groups, bool gated) {
    int members = WARPS * clusterSize() / (gated ? 2 : 1), member = clusterRank() * WARPS + threadIdx.x / WARP, own = clusterRank() * WARPS % members;
    matrix = member / members, member %= members;
    first = (int)((long long)groups * member / members), end = (int)((long long)groups * (member + 1) / members);
    blockFirst = (int)((long long)groups * own / members), blockEnd = (int)((long long)groups * min(own + WARPS, members) / members);
  }
};

// Asks for the codes and grids of one group of a panel. 4 bits: a lane copies what it will read. 8 bits: 16-byte chunks of columns trade places so that the
// lanes of a product read different banks.
template <class F> __device__ __forceinline__ void fetchGroup(uint32_t slot, const Codes &weight, long long group) {
  int lane = threadIdx.x % WARP;
  const uint8_t *codes = weight.codes + group * F::CODES;
#pragma unroll
  for (int i = 0; i < F::CODES / (16 * WARP); i++) {
    if (F::ZEROS) {
      int word = lane % 4, rows = lane / 4 * 4 + i % 2 * 32;
      copyAsync(slot + (i * WARP + lane) * 16, codes + (i / 2 * STRIP_WORDS * PANEL + word * PANEL + rows) * 4);
    } else {
      int chunk = i * WARP + lane, column = chunk / 4;
      copyAsync(slot + (chunk ^ (column & 2)) * 16, codes + chunk * 16);
    }
  }
  constexpr int CHUNKS = F::GRID / 16;
  if (lane < CHUNKS) copyAsync(slot + F::CODES + lane * 16, (const uint8_t *)weight.scales + group * F::GRID + lane * 16);
  if (F::ZEROS && lane >= CHUNKS && lane < 2 * CHUNKS) copyAsync(slot + F::CODES + lane * 16, (const uint8_t *)weight.zeros + group * F::GRID + (lane - CHUNKS) * 16);
}

// The block's part of x as operands of products: of each strip and piece, pair i of lane t of a quad is columns 4 i + t and 16 + 4 i + t. With 4 bits, codes of
// odd pairs count 16 times, so x counts a sixteenth. grids[group] is what results are multiplied with, and the sum of the group's x.
template <class F> __device__ __forceinline__ void splitInput(f16 *pieces, float2 *grids, const float *x, int first, int end) {
  int lane = threadIdx.x % WARP, pair = lane / 4 % 4;
  f16 *target = pieces + (lane % 4 * 4 + pair) * 2 + lane / 16;
  for (int group = first + threadIdx.x / WARP; group < end; group += WARPS) {
    float v[F::STRIPS], sum = 0;
    uint32_t largest = 0;
#pragma unroll
    for (int s = 0; s < F::STRIPS; s++) v[s] = x[(group * F::STRIPS + s) * STRIP + lane];
#pragma unroll
    for (int s = 0; s < F::STRIPS; s++) sum += v[s], largest = max(largest, __float_as_uint(fabsf(v[s])));
    // Bits of positive floats are in the order of the floats. Both factors are normal numbers.
    largest = __reduce_max_sync(ALL_LANES, largest);
    sum = warpSum(sum);
    int shift = largest == 0 || largest >= 0x7f800000u ? 0 : min(14 + 127 - (int)(largest >> 23), 100);
    float factor = __uint_as_float((127 + shift) << 23);
    if (F::ZEROS && pair % 2 == 1) factor *= 0.0625f;
#pragma unroll
    for (int s = 0; s < F::STRIPS; s++) {
      float rest = v[s] * factor;
      f16 *strip = target + ((group - first) * F::STRIPS + s) * STRIP_HALVES;
#pragma unroll
      for (int p = 0; p < PIECES; p++) {
        f16 piece = fromFloat<f16>(rest);
        strip[p * PIECE_HALVES] = piece;
        rest -= toFloat(piece);
      }
    }
    if (lane == 0) grids[group - first] = make_float2(__uint_as_float((127 - shift) << 23), sum);
  }
}

// Products of a strip's 64 rows with the pieces of x: sums[tile] of rows r and r + SECOND.
template <class F> __device__ __forceinline__ void multiplyStrip(float sums[4][4], const uint8_t *codes, uint4 x) {
  int lane = threadIdx.x % WARP;
  if (F::ZEROS) {
    // A code in the low bits of an FP16 number is the code times 2^-24.
    const uint4 first = *(const uint4 *)(codes + lane * 16), second = *(const uint4 *)(codes + (WARP + lane) * 16);
    const uint32_t w0[4] = {first.x, first.y, first.z, first.w}, w1[4] = {second.x, second.y, second.z, second.w};
#pragma unroll
    for (int tile = 0; tile < 4; tile++) {
      uint32_t u0 = w0[tile] >> 8, u1 = w1[tile] >> 8;
      uint32_t low[4] = {w0[tile] & 0x000f000fu, w1[tile] & 0x000f000fu, w0[tile] & 0x00f000f0u, w1[tile] & 0x00f000f0u};
      uint32_t high[4] = {u0 & 0x000f000fu, u1 & 0x000f000fu, u0 & 0x00f000f0u, u1 & 0x00f000f0u};
      mma<f16>(sums[tile], low, x.x, x.y);
      mma<f16>(sums[tile], high, x.z, x.w);
    }
  } else {
    // A byte in the low bits of the FP16 number 1024 is 1024 more than the byte; 128 of them are for its sign.
    const uint32_t bias = 0x64806480u;
    int word = lane / 4, t = lane % 4;
    const uint8_t *own = codes + t * PANEL + ((word / 2) ^ (t & 2)) * 16 + word % 2 * 8;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      uint32_t a[4][4];
#pragma unroll
      for (int p = 0; p < 2; p++) {
        const uint8_t *at = own + (2 * half + p) * 4 * PANEL;
        const uint2 low = *(const uint2 *)at, high = *(const uint2 *)(at + 16 * PANEL);
        const uint32_t w0[2] = {low.x, low.y}, w1[2] = {high.x, high.y};
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
          for (int two = 0; two < 2; two++) {
            uint32_t bytes = __byte_perm(w0[r], w1[r], two == 0 ? 0x5410 : 0x7632);
            uint32_t even = (bytes & 0x00ff00ffu) ^ bias, odd = ((bytes >> 8) & 0x00ff00ffu) ^ bias;
            __half2 e = __hsub2(*(__half2 *)&even, *(const __half2 *)&bias), o = __hsub2(*(__half2 *)&odd, *(const __half2 *)&bias);
            a[2 * two][2 * p + r] = *(uint32_t *)&e, a[2 * two + 1][2 * p + r] = *(uint32_t *)&o;
          }
      }
#pragma unroll
      for (int tile = 0; tile < 4; tile++) mma<f16>(sums[tile], a[tile], half == 0 ? x.x : x.z, half == 0 ? x.y : x.w);
    }
  }
}

// The weights' rows of a panel, as one warp adds them up: sums[tile][i] is of a row and of two columns of the product, zeros of two rows.
struct Panel {
  float sums[4][4] = {}, zeros[2] = {};

  template <class F> __device__ __forceinline__ void addGroup(const uint8_t *slot, const f16 *pieces, float2 grid) {
    int lane = threadIdx.x % WARP, quad = lane / 4, t = lane % 4;
    float chains[4][4] = {};
#pragma unroll
    for (int s = 0; s < F::STRIPS; s++) {
      // Columns of the product from the third piece on are not used: they may hold anything.
      uint4 x = *(const uint4 *)(pieces + s * STRIP_HALVES + min(quad, PIECES - 1) * PIECE_HALVES + t * 8);
      multiplyStrip<F>(chains, slot + s * STRIP * PANEL * (F::ZEROS ? 4 : 8) / 8, x);
    }
    const f16 *scales = (const f16 *)(slot + F::CODES) + quad * F::FIRST;
    uint2 s0 = *(const uint2 *)scales, s1 = *(const uint2 *)(scales + F::SECOND);
    const f16 *h0 = (const f16 *)&s0, *h1 = (const f16 *)&s1;
#pragma unroll
    for (int tile = 0; tile < 4; tile++) {
      float f0 = toFloat(h0[tile]) * grid.x, f1 = toFloat(h1[tile]) * grid.x;
      sums[tile][0] = fmaf(f0, chains[tile][0], sums[tile][0]), sums[tile][1] = fmaf(f0, chains[tile][1], sums[tile][1]);
      sums[tile][2] = fmaf(f1, chains[tile][2], sums[tile][2]), sums[tile][3] = fmaf(f1, chains[tile][3], sums[tile][3]);
    }
    if (F::ZEROS) {
      float2 z = __half22float2(*(const __half2 *)(slot + F::CODES + F::GRID + 2 * zeroRow<F>()));
      zeros[0] = fmaf(z.x, grid.y, zeros[0]), zeros[1] = fmaf(z.y, grid.y, zeros[1]);
    }
  }

  // The first of the two rows whose zeros this lane takes: the four lanes that have the same rows share them.
  template <class F> static __device__ __forceinline__ int zeroRow() {
    int lane = threadIdx.x % WARP, t = lane % 4;
    return lane / 4 * F::FIRST + t / 2 * F::SECOND + t % 2 * 2;
  }

  // Leaves the sums: target[64] of codes, then of zeros.
  template <class F> __device__ __forceinline__ void leave(float *target) {
    int lane = threadIdx.x % WARP, t = lane % 4;
#pragma unroll
    for (int tile = 0; tile < 4; tile++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        // The first lane of a quad has the first two pieces, the second the third.
        float x = t == 0 ? sums[tile][2 * r] + sums[tile][2 * r + 1] : sums[tile][2 * r];
        x += __shfl_down_sync(ALL_LANES, x, 1);
        if (t == 0) target[lane / 4 * F::FIRST + r * F::SECOND + tile] = F::ZEROS ? x * 0x1p24f : x;
      }
    int row = zeroRow<F>();
    target[PANEL + row] = zeros[0], target[PANEL + row + 1] = zeros[1];
  }
};

// The outliers of a row of the panel that this thread takes: every members-th.
__device__ __forceinline__ float addOutliers(const Codes &weight, const float *x, int row, int member, int members) {
  float sum = 0;
  for (int i = weight.outlierStarts[row] + member; i < weight.outlierStarts[row + 1]; i += members) sum = fmaf(x[weight.outlierColumns[i]], weight.outlierDifferences[i], sum);
  return sum;
}

// Which panel an item of work is: items run through the parts; a gate and what it gates are one item.
struct Work {
  Part a, b, c;
  bool gated;

  __device__ __forceinline__ Part find(int item, int matrix, int &panel) const {
    panel = item;
    if (gated) return matrix == 0 ? a : b;
    int inA = (a.rows + PANEL - 1) / PANEL, inB = (b.rows + PANEL - 1) / PANEL;
    if (panel < inA) return a;
    panel -= inA;
    if (panel < inB) return b;
    panel -= inB;
    return c;
  }
};

template <class F> __device__ void multiply(const float *x, int columns, Work work, int items, float *residual) {
  extern __shared__ __align__(16) uint8_t shared[];
  int warp = threadIdx.x / WARP, groups = columns / (F::STRIPS * STRIP), rank = clusterRank(), blocks = clusterSize();
  Share share(groups, work.gated);
  float *sums = (float *)(shared + WARPS * F::STAGES * F::STAGE), *merged = sums + 2 * SUMS;
  float2 *grids = (float2 *)(merged + 2 * MERGED);
  f16 *pieces = (f16 *)(grids + ((share.blockEnd - share.blockFirst + 1) & ~1));
  const uint8_t *ring = shared + warp * F::STAGES * F::STAGE;
  uint32_t ringAddress = sharedAddress(ring);
  int step = gridDim.x / blocks, item = blockIdx.x / blocks;
  if (blocks > 1) arriveAtCluster();

  // The group that is asked for next.
  int nextItem = item, nextGroup = share.first, nextSlot = 0, panel;
  Codes next = work.find(item, share.matrix, panel).weight;
  long long nextPanel = (long long)panel * groups;
  auto fetchNext = [&]() {
    if (nextItem < items && share.first < share.end) {
      fetchGroup<F>(ringAddress + nextSlot * F::STAGE, next, nextPanel + nextGroup);
      if (++nextGroup == share.end) {
        nextGroup = share.first, nextItem += step;
        if (nextItem < items) {
          next = work.find(nextItem, share.matrix, panel).weight;
          nextPanel = (long long)panel * groups;
        }
      }
    }
    commitCopies();
    if (++nextSlot == F::STAGES) nextSlot = 0;
  };
#pragma unroll
  for (int i = 0; i < F::STAGES - 1; i++) fetchNext();
  // The first weights are on their way before x is known to be complete.
  startAfterPrevious();
  splitInput<F>(pieces, grids, x, share.blockFirst, share.blockEnd);
  __syncthreads();
  if (blocks > 1) waitForCluster();

  int slot = 0, set = 0;
  for (; item < items; item += step, set ^= 1) {
    float *own = sums + set * SUMS, *others = merged + set * MERGED;
    Panel added;
    for (int group = share.first; group < share.end; group++) {
      waitForCopies<F::STAGES - 2>();
      // All lanes' copies are there, and all lanes are done with the slot that is filled now.
      __syncwarp();
      fetchNext();
      int inBlock = group - share.blockFirst;
      added.addGroup<F>(ring + slot * F::STAGE, pieces + inBlock * F::STRIPS * STRIP_HALVES, grids[inBlock]);
      if (++slot == F::STAGES) slot = 0;
    }
    added.leave<F>(own + warp * 2 * PANEL);

    // Threads of a row, over the whole cluster, share its outliers.
    int lane = threadIdx.x % PANEL, member = rank * ADDERS + threadIdx.x / PANEL, members = blocks * ADDERS / (work.gated ? 2 : 1);
    Part part = work.find(item, member / members, panel);
    int row = panel * PANEL + lane;
    bool exists = row < part.rows;
    own[2 * WARPS * PANEL + threadIdx.x] = exists && part.weight.outlierStarts ? addOutliers(part.weight, x, row, member % members, members) : 0.f;
    __syncthreads();

    // With a gate, the first half of all sums is its, the second half that of what it gates.
    float first = 0, second = 0;
    if (threadIdx.x < PANEL) {
#pragma unroll
      for (int i = 0; i < 2 * WARPS + ADDERS; i++) {
        bool ofSecond = work.gated && blocks == 1 && (i < 2 * WARPS ? i >= WARPS : i >= 2 * WARPS + ADDERS / 2);
        (ofSecond ? second : first) += own[i * PANEL + lane];
      }
    }
    if (blocks > 1) {
      if (threadIdx.x < PANEL) storeInFirstBlock(others + rank * PANEL + lane, first);
      arriveAtCluster();
      waitForCluster();
      if (rank != 0) continue;
      first = 0;
      if (threadIdx.x < PANEL)
        for (int i = 0; i < blocks; i++) (work.gated && i >= blocks / 2 ? second : first) += others[i * PANEL + lane];
    }
    if (threadIdx.x >= PANEL || !exists) continue;
    if (part.bias) first += part.bias[row];
    if (work.gated) {
      if (work.b.bias) second += work.b.bias[row];
      work.b.out[row] = second;
      first = first / (1.f + expf(-first)) * second;
    }
    part.out[row] = first;
    if (residual) residual[row] += first;
  }
}

#define PART(I) const uint8_t *codes##I, const f16 *scales##I, const f16 *zeros##I, const int *starts##I, const int *columns##I, const float *differences##I, const float *bias##I, float *out##I, int rows##I
#define GIVEN(I) Part{Codes{codes##I, scales##I, zeros##I, starts##I, columns##I, differences##I}, bias##I, out##I, rows##I}
// `stages` of a ring: together some 50 to 70 KiB a block, so that two blocks have more under way than an SM's share of what memory must have under way.
#define ENTRY(BITS, GROUP, STAGES)                                                                                                                          \
  extern "C" __global__ void __launch_bounds__(THREADS, 2)                                                                                                  \
      gemv_codes_q##BITS##g##GROUP(const float *x, int columns, PART(0), PART(1), PART(2), int gated, int items, float *residual) {                         \
    multiply<Format<BITS, GROUP, STAGES>>(x, columns, Work{GIVEN(0), GIVEN(1), GIVEN(2), gated != 0}, items, residual);                                     \
  }
ENTRY(4, 32, 6)
ENTRY(4, 64, 4)
ENTRY(4, 128, 3)
ENTRY(8, 32, 4)
ENTRY(8, 64, 3)
