// y = W x + b for one row of x and weights in codes, at the rate that memory delivers the codes. Tensor cores take 32 rows of W at a time: codes are exact as FP16,
// and x is the sum of two FP16 numbers (22 bits), in two columns of one product, so little is rounded but sums in float32. Each group of x is scaled by a power of two
// so that its largest number is in [2^14, 2^15). 16 warps of a block take groups of a tile in turn. One more warp finishes the tiles, so that
// neither loads nor products wait for results.
#include <type_traits>

#include "../common/mma.cuh"
#include "../common/order.cuh"
#include "code_ring.cuh"

constexpr int THREADS = (WARPS + 1) * WARP, TILES_WAITING = 4, PIECES = 2;
// 16-bit numbers of x in a strip: 8 chunks of 4 pairs.
constexpr int STRIP_HALVES = PIECES * STRIP, CHUNK_HALVES = 8;
// Where the pairs of a piece for lane t of a quad lie in a strip: neighbouring strips are shuffled, so that those who write eight of them meet all banks.
__device__ __forceinline__ int pairsAt(int strip, int piece, int t) { return ((piece * 4 + t) ^ (strip % 8)) * CHUNK_HALVES; }

// x as operands of products: of each strip and piece, pair i of lane t of a quad is columns 4 i + t and 16 + 4 i + t. With 4 bits, codes of odd pairs count 16
// times, so x counts a sixteenth. grids[group] is what results are multiplied with, and the sum of the group's x. Returns the norm's factor of all sums.
// A thread takes the 8 columns of pair i of all four lanes; every block does all of x, so instructions count.
template <class F> __device__ __forceinline__ float splitInput(f16 *pieces, float2 *grids, const float *x, int columns, const Norm &norm) {
  constexpr int PAIRS_A_STRIP = 4, THREADS_A_GROUP = F::STRIPS * PAIRS_A_STRIP, BATCH = 2;
  int count = columns / STRIP * PAIRS_A_STRIP;
  float squares = 0;
  for (int first = threadIdx.x; first - (int)threadIdx.x < count; first += BATCH * THREADS) {
    float4 v[BATCH][2];
#pragma unroll
    for (int b = 0; b < BATCH; b++) {
      int i = first + b * THREADS, four = i / PAIRS_A_STRIP * (STRIP / 4) + i % PAIRS_A_STRIP;
#pragma unroll
      for (int half = 0; half < 2; half++) v[b][half] = i < count ? norm.weighted(fourOf(x, four + 4 * half), four + 4 * half, squares) : make_float4(0, 0, 0, 0);
    }
#pragma unroll
    for (int b = 0; b < BATCH; b++) {
      int i = first + b * THREADS;
      if (i - (int)threadIdx.x >= count) break;
      float rest[2][4] = {{v[b][0].x, v[b][0].y, v[b][0].z, v[b][0].w}, {v[b][1].x, v[b][1].y, v[b][1].z, v[b][1].w}}, sum = 0, most = 0;
#pragma unroll
      for (int t = 0; t < 4; t++) sum += rest[0][t] + rest[1][t], most = fmaxf(most, fmaxf(fabsf(rest[0][t]), fabsf(rest[1][t])));
#pragma unroll
      for (int other = 1; other < THREADS_A_GROUP; other *= 2) {
        most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, other));
        sum += __shfl_xor_sync(ALL_LANES, sum, other);
      }
      if (i >= count) continue;
      // Both factors are normal numbers; where there is no largest number they are 1.
      uint32_t largest = __float_as_uint(most);
      int shift = largest == 0 || largest >= 0x7f800000u ? 0 : min(14 + 127 - (int)(largest >> 23), 100);
      float factor = __uint_as_float((127 + shift) << 23);
      int strip = i / PAIRS_A_STRIP, pair = i % PAIRS_A_STRIP;
      if (F::ZEROS && pair % 2 == 1) factor *= 0.0625f;
      f16 *target = pieces + strip * STRIP_HALVES + pair * 2;
#pragma unroll
      for (int t = 0; t < 4; t++) {
        float a = rest[0][t] * factor, b = rest[1][t] * factor;
#pragma unroll
        for (int p = 0; p < PIECES; p++) {
          uint32_t piece = pack<f16>(a, b);
          *(uint32_t *)(target + pairsAt(strip, p, t)) = piece;
          float2 taken = __half22float2(*(__half2 *)&piece);
          a -= taken.x, b -= taken.y;
        }
      }
      if (i % THREADS_A_GROUP == 0) grids[i / THREADS_A_GROUP] = make_float2(__uint_as_float((127 - shift) << 23), sum);
    }
  }
  return norm.inverseRoot(squares, columns);
}

// Products of a strip with the pieces of x: chains[tile] of the rows 2 tile and 2 tile + 1 of each quad.
template <class F> __device__ __forceinline__ void multiplyStrip(float chains[2][4], const uint8_t *strip, uint4 x) {
  int lane = threadIdx.x % WARP;
  if (F::BITS == 4) {
    uint4 words = *(const uint4 *)(strip + chunkOf(lane % 4, lane / 4) * 16);
    const uint32_t w[4] = {words.x, words.y, words.z, words.w};
    // A code in the low bits of an FP16 number is the code times 2^-24.
#pragma unroll
    for (int tile = 0; tile < 2; tile++) {
      uint32_t a = w[2 * tile], b = w[2 * tile + 1], u = a >> 8, v = b >> 8;
      const uint32_t low[4] = {a & 0x000f000fu, b & 0x000f000fu, a & 0x00f000f0u, b & 0x00f000f0u};
      const uint32_t high[4] = {u & 0x000f000fu, v & 0x000f000fu, u & 0x00f000f0u, v & 0x00f000f0u};
      mma<f16>(chains[tile], low, x.x, x.y);
      mma<f16>(chains[tile], high, x.z, x.w);
    }
  } else {
    // A byte in the low bits of the FP16 number 1024 is 1024 more than the byte; 128 of them are for its sign.
    const uint32_t bias = 0x64806480u;
    const uint8_t *w = strip + lane % 4 * ROWS + lane / 4 * 4;
    auto columns = [&](int i) { return *(const uint32_t *)(w + i * 4 * ROWS); };
#pragma unroll
    for (int half = 0; half < 2; half++) {
      uint32_t a[2][4];
#pragma unroll
      for (int p = 0; p < 2; p++)
#pragma unroll
        for (int tile = 0; tile < 2; tile++) {
          uint32_t bytes = __byte_perm(columns(2 * half + p), columns(2 * half + p + 4), tile == 0 ? 0x5410 : 0x7632);
          uint32_t even = (bytes & 0x00ff00ffu) ^ bias, odd = ((bytes >> 8) & 0x00ff00ffu) ^ bias;
          __half2 e = __hsub2(*(__half2 *)&even, *(const __half2 *)&bias), o = __hsub2(*(__half2 *)&odd, *(const __half2 *)&bias);
          a[tile][2 * p] = *(uint32_t *)&e, a[tile][2 * p + 1] = *(uint32_t *)&o;
        }
#pragma unroll
      for (int tile = 0; tile < 2; tile++) mma<f16>(chains[tile], a[tile], half == 0 ? x.x : x.z, half == 0 ? x.y : x.w);
    }
  }
}

// The sums of one warp: of four rows' codes, in the first lane of each quad, and of one row's zeros.
template <class F> struct Sums {
  float codes[4] = {}, zeros = 0;

  // Takes a group whose products are `chains`, of rows and pieces.
  __device__ __forceinline__ void add(const float chains[2][4], const uint8_t *scales, float2 grid) {
    int quad = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
    uint2 four = *(const uint2 *)(scales + quad * 8);
#pragma unroll
    for (int r = 0; r < 4; r++) codes[r] = fmaf(toFloat(((const f16 *)&four)[r]) * grid.x, chains[r / 2][r % 2 * 2] + chains[r / 2][r % 2 * 2 + 1], codes[r]);
    if (F::ZEROS) zeros = fmaf(toFloat(((const f16 *)(scales + F::GRID_BYTES))[quad * 4 + t]), grid.y, zeros);
  }

  // Leaves the sums of four rows a quad: target [ROWS].
  __device__ __forceinline__ void leave(float *target) const {
    int lane = threadIdx.x % WARP;
    float rows[4];
#pragma unroll
    for (int i = 0; i < 4; i++) rows[i] = F::ZEROS ? codes[i] * 0x1p24f + __shfl_sync(ALL_LANES, zeros, lane / 4 * 4 + i) : codes[i];
    if (lane % 4 == 0) *(float4 *)(target + lane) = make_float4(rows[0], rows[1], rows[2], rows[3]);
  }
};

// The outliers of a row that this warp takes.
__device__ __forceinline__ float outliersOf(const Place<Codes> &place, const float *x, const Norm &norm) {
  float sum = 0;
  if (!place.weight.outlierStarts || place.row >= place.rows) return sum;
  const int *starts = place.weight.outlierStarts + place.row;
  for (int i = starts[0] + threadIdx.x / WARP; i < starts[1]; i += WARPS) {
    int column = place.weight.outlierColumns[i];
    float input = norm.weight ? x[column] * norm.weight[column] : x[column];
    sum = fmaf(input, place.weight.outlierDifferences[i], sum);
  }
  return sum;
}

// Sums of tiles on their way from the warps that multiply to the one that finishes: TILES_WAITING places, each filled and emptied again.
struct Results {
  float (*partials)[WARPS * ROWS];

  static __device__ __forceinline__ void wait(int barrier) { asm volatile("barrier.cta.sync %0, %1;\n" ::"r"(barrier), "n"(THREADS) : "memory"); }
  static __device__ __forceinline__ void tell(int barrier) { asm volatile("barrier.cta.arrive %0, %1;\n" ::"r"(barrier), "n"(THREADS) : "memory"); }
  static __device__ __forceinline__ int filled(int turn) { return 1 + turn % TILES_WAITING; }
  static __device__ __forceinline__ int emptied(int turn) { return 1 + TILES_WAITING + turn % TILES_WAITING; }

  // Where a warp leaves its sums of the tile of a turn.
  __device__ __forceinline__ float *begin(int turn) const {
    if (turn >= TILES_WAITING) wait(emptied(turn));
    return partials[turn % TILES_WAITING] + threadIdx.x / WARP * ROWS;
  }
  __device__ __forceinline__ void end(int turn) const { tell(filled(turn)); }

  // The sum of row `lane`; the last warp calls.
  __device__ __forceinline__ float take(int turn, bool isAwaited) const {
    wait(filled(turn));
    float sum = 0;
#pragma unroll
    for (int warp = 0; warp < WARPS; warp++) sum += partials[turn % TILES_WAITING][warp * ROWS + threadIdx.x % WARP];
    if (isAwaited) tell(emptied(turn));
    return sum;
  }
};

template <class Tiles> __device__ __forceinline__ void finishTiles(const Tiles &tiles, const Results &results, float inverse) {
  int turn = 0;
  float before = 0;
  for (int tile = tiles.first(); tile < tiles.tiles; turn++) {
    // A place is waited for when the turn after as many as there are comes.
    int next = tile;
#pragma unroll
    for (int i = 0; i < TILES_WAITING; i++) next = tiles.next(next);
    float sum = results.take(turn, next < tiles.tiles) * inverse;
    tiles.finishTile(tile, sum, before);
    before = sum, tile = tiles.next(tile);
  }
}

// Tiles of 16 pairs: the first rows of all, then the second.
template <class Rows> struct PairTiles : Rows {
  __device__ __forceinline__ PairTiles(const Rows &rows) : Rows(rows) {}
  __device__ __forceinline__ int first() const { return blockIdx.x; }
  __device__ __forceinline__ int next(int tile) const { return tile + gridDim.x; }
  __device__ __forceinline__ void finishTile(int tile, float sum, float) const {
    float second = __shfl_down_sync(ALL_LANES, sum, PAIRS);
    if (threadIdx.x % WARP < PAIRS) Rows::finish(tile, threadIdx.x % WARP, sum, second);
  }
};

// A tile of 32 rows of a gate, then one of what it gates: memory brings 32 bytes at least, which are 32 rows of 8 bits.
struct GateThenUp : Gated<Codes, PAIRS> {
  __device__ __forceinline__ GateThenUp(const Gated<Codes, PAIRS> &gated) : Gated<Codes, PAIRS>(gated) { tiles += tiles % 2; }
  __device__ __forceinline__ int first() const { return 2 * blockIdx.x; }
  __device__ __forceinline__ int next(int tile) const { return tile % 2 == 0 ? tile + 1 : tile - 1 + 2 * gridDim.x; }
  __device__ __forceinline__ Place<Codes> locate(int tile, int pair, bool second) const {
    return Gated<Codes, PAIRS>::locate(tile / 2 * 2 + second, pair, tile % 2 == 1);
  }
  __device__ __forceinline__ void finishTile(int tile, float sum, float before) const {
    int lane = threadIdx.x % WARP;
    if (tile % 2 == 1) finish(tile / 2 * 2 + lane / PAIRS, lane % PAIRS, before, sum);
  }
};
template <int BITS> using GatedTiles = std::conditional_t<BITS == 4, PairTiles<Gated<Codes, PAIRS>>, GateThenUp>;

template <class F, class Ring, class Rows>
__device__ __forceinline__ void multiplyTiles(Source<F, Ring, Rows> &source, const uint8_t *ring, const f16 *pieces, const float2 *grids, const float *x, const Norm &norm,
                                              const Results &results) {
  const Rows &rows = source.rows;
  int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, now = 0, free = Ring::STAGES - 1, turn = 0;
  uint32_t target = sharedAddress(ring);
  // Columns of the product from the second piece on are not used: they may hold anything. A warp's groups are so far apart that their strips are shuffled alike.
  static_assert(WARPS % 8 == 0, "strips are shuffled by eight");
  int mine[F::STRIPS];
#pragma unroll
  for (int s = 0; s < F::STRIPS; s++) mine[s] = s * STRIP_HALVES + pairsAt(warp * F::STRIPS + s, min(lane / 4, PIECES - 1), lane % 4);
  for (int tile = rows.first(); tile < rows.tiles; tile = rows.next(tile), turn++) {
    Sums<F> sums;
    for (int first = warp; first < source.groups; first += WARPS * Ring::GROUPS) {
      waitForCopies<Ring::STAGES - 2>();
      // Every lane has what the others copied, and is done with the stage before.
      __syncwarp();
      source.copyNext(target + free * Source<F, Ring, Rows>::STAGE_BYTES);
      commitCopies();
      const uint8_t *stage = ring + now * Source<F, Ring, Rows>::STAGE_BYTES;
      free = now, now = now + 1 == Ring::STAGES ? 0 : now + 1;
      auto multiply = [&](int u) {
        float chains[2][4] = {};
        const uint8_t *group = stage + u * F::GROUP_BYTES;
        const f16 *input = pieces + (first + u * WARPS) * F::STRIPS * STRIP_HALVES;
#pragma unroll
        for (int s = 0; s < F::STRIPS; s++) multiplyStrip<F>(chains, group + s * F::STRIP_BYTES, *(const uint4 *)(input + mine[s]));
        sums.add(chains, group + F::STRIPS * F::STRIP_BYTES, grids[first + u * WARPS]);
      };
      if (first + (Ring::GROUPS - 1) * WARPS < source.groups) {
#pragma unroll
        for (int u = 0; u < Ring::GROUPS; u++) multiply(u);
      } else {
#pragma unroll
        for (int u = 0; u < Ring::GROUPS - 1; u++)
          if (first + u * WARPS < source.groups) multiply(u);
      }
    }
    float *partial = results.begin(turn);
    sums.leave(partial);
    __syncwarp();
    if (rows.hasOutliers()) partial[lane] += outliersOf(rows.locate(tile, lane % PAIRS, lane >= PAIRS), x, norm);
    results.end(turn);
  }
}

template <class F, class Ring, class Rows>
__device__ __forceinline__ void run(const Results &results, const float *x, int columns, const Norm &norm, const Rows &rows) {
  constexpr int STAGE_BYTES = Source<F, Ring, Rows>::STAGE_BYTES, RING_BYTES = Ring::STAGES * STAGE_BYTES;
  extern __shared__ __align__(16) char shared[];
  int warp = threadIdx.x / WARP;
  const uint8_t *ring = (const uint8_t *)shared + warp * RING_BYTES;
  f16 *pieces = (f16 *)(shared + WARPS * RING_BYTES);
  float2 *grids = (float2 *)(pieces + columns / STRIP * STRIP_HALVES);
  Source<F, Ring, Rows> source(rows, columns);
#pragma unroll
  for (int i = 0; i < Ring::STAGES - 1; i++) {
    source.copyNext(sharedAddress(ring) + i * STAGE_BYTES);
    commitCopies();
  }
  // The first weights are on their way before x is known to be complete.
  startAfterPrevious();
  float inverse = splitInput<F>(pieces, grids, x, columns, norm);
  if (warp < WARPS)
    multiplyTiles(source, ring, pieces, grids, x, norm, results);
  else
    finishTiles(rows, results, inverse);
  if (blockIdx.x == 0) norm.leave(x, columns, inverse);
}

template <class F, class Rows> __device__ __forceinline__ void run(bool hasRoom, const float *x, int columns, const Norm &norm, const Rows &rows) {
  __shared__ float partials[TILES_WAITING][WARPS * ROWS];
  Results results{partials};
  if (hasRoom)
    run<F, Many<F>>(results, x, columns, norm, rows);
  else
    run<F, Few>(results, x, columns, norm, rows);
}

#define PART(I) \
  const uint8_t *codes##I, const f16 *scales##I, const f16 *zeros##I, const int *starts##I, const int *columns##I, const float *differences##I, const float *b##I, float *y##I, int n##I, int half##I
#define GIVEN(I) \
  Part<Codes, PAIRS> { Codes{codes##I, scales##I, zeros##I, starts##I, columns##I, differences##I}, b##I, y##I, n##I, half##I }
#define ENTRY(BITS, GROUP)                                                                                                                                     \
  extern "C" __global__ void __launch_bounds__(THREADS, 1)                                                                                                     \
      gemv_codes_q##BITS##g##GROUP(const float *x, int columns, const float *normWeight, float *normed, float epsilon, int hasRoom, PART(0), PART(1), PART(2), \
                                   float *residual, const float2 *angles, int rotated, const unsigned long long *pages, const int *position, int headDim,      \
                                   int isFloat) {                                                                                                              \
    PairTiles<Products<Codes, PAIRS>> tiles({GIVEN(0), GIVEN(1), GIVEN(2), residual, angles, rotated, Append{pages, position, headDim, isFloat != 0}});        \
    run<Format<BITS, GROUP>>(hasRoom != 0, x, columns, Norm{normWeight, normed, epsilon}, tiles);                                                              \
  }                                                                                                                                                            \
  extern "C" __global__ void __launch_bounds__(THREADS, 1)                                                                                                     \
      gemv_codes_gated_q##BITS##g##GROUP(const float *x, int columns, const float *normWeight, float *normed, float epsilon, int hasRoom, PART(0), PART(1)) {  \
    run<Format<BITS, GROUP>>(hasRoom != 0, x, columns, Norm{normWeight, normed, epsilon}, GatedTiles<BITS>({GIVEN(0), GIVEN(1)}));                             \
  }
ENTRY(4, 32)
ENTRY(4, 64)
ENTRY(4, 128)
ENTRY(8, 32)
ENTRY(8, 64)
