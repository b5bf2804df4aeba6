// How weights in codes come to the warps that multiply them: through shared memory, a ring of stages for each warp that goes on from tile to tile. Copies by lanes side by
// side are of what lies side by side, to places that lie side by side: anything else asks the second-level cache for the same 32 bytes twice, which costs half of the speed.
#pragma once
#include "../common/codes.cuh"
#include "../common/cp_async.cuh"
#include "row_products.cuh"

constexpr int WARPS = 16, PAIRS = 16, ROWS = 2 * PAIRS, QUADS = 8;

// How the codes of a group lie, in memory and in a stage of a ring: the strips of 32 rows of some groups, then their scales and zeros. Twin of CodeMatrix.java.
template <int BITS_, int GROUP_> struct Format {
  static constexpr int BITS = BITS_, GROUP = GROUP_, STRIPS = GROUP / STRIP;
  static constexpr bool ZEROS = BITS == 4;
  // A strip: with 4 bits words [4 lanes][8 quads of rows], with 8 bits [32 columns][32 rows].
  static constexpr int STRIP_BYTES = STRIP * ROWS * BITS / 8, GRID_BYTES = ROWS * 2, GROUP_BYTES = STRIPS * STRIP_BYTES + (ZEROS ? 2 : 1) * GRID_BYTES;
};
// Where the 16 bytes of four rows lie in a strip of 4 bits: the lanes of a quad meet different banks, and two neighbouring quads stay together, since copies to apart
// places are apart.
__device__ __forceinline__ int chunkOf(int t, int quad) { return t * QUADS + (quad ^ 2 * t); }

// A ring of STAGES stages of GROUPS groups: many, or few where shared memory is short.
template <int STAGES_, int GROUPS_> struct RingShape {
  static constexpr int STAGES = STAGES_, GROUPS = GROUPS_;
};
template <class F> using Many = RingShape<3, (F::BITS == 4 ? 4 : 2) / F::STRIPS>;
using Few = RingShape<2, 1>;

// What a warp brings, tile after tile: its groups of the tile, stage by stage.
template <class F, class Ring, class Rows> struct Source {
  static constexpr int STEP = WARPS * Ring::GROUPS, STAGE_BYTES = Ring::GROUPS * F::GROUP_BYTES;
  // In memory, of a panel.
  static constexpr int STRIP_BYTES = STRIP * PANEL * F::BITS / 8, GROUP_BYTES = F::STRIPS * STRIP_BYTES, GRID_BYTES = PANEL * 2;

  const Rows &rows;
  int columns, groups, tile, group;
  // What this lane copies: of codes, 16 bytes of four rows or, with 8 bits, of a column; of scales or zeros those of four rows. Lanes side by side copy what lies
  // side by side.
  const uint8_t *codes, *grid;
  uint32_t place, gridPlace;

  __device__ __forceinline__ Source(const Rows &rows, int columns) : rows(rows), columns(columns), groups(columns / F::GROUP), tile(rows.first()) {
    int lane = threadIdx.x % WARP;
    place = (F::BITS == 4 ? chunkOf(lane / QUADS, lane % QUADS) : lane) * 16;
    gridPlace = F::STRIPS * F::STRIP_BYTES + (F::BITS == 4 ? lane : lane % 2 * 4 + lane / 2) * 8;
    // The last warp brings nothing.
    if (threadIdx.x / WARP >= min(groups, WARPS)) tile = rows.tiles;
    if (tile < rows.tiles) locate();
  }

  // The first four quads are the first rows of 16 pairs, the others the second.
  __device__ __forceinline__ void locate() {
    int lane = threadIdx.x % WARP, t = lane / QUADS, quad = F::BITS == 4 ? lane % QUADS : lane % 2 * 4 + lane / 2 % 4;
    Place<Codes> place = rows.locate(tile, 0, quad >= 4);
    // Panels are whole, so 16 rows from a multiple of 16 always exist.
    int first = min(place.row, (place.rows - 1) / PAIRS * PAIRS), row = first % PANEL, four = row + quad % 4 * 4;
    long long panel = first / PANEL;
    group = threadIdx.x / WARP;
    grid = (const uint8_t *)(t == 0 ? place.weight.scales : place.weight.zeros) + ((panel * groups + group) * PANEL + four) * 2;
    codes = place.weight.codes + (panel * groups + group) * GROUP_BYTES + (F::BITS == 4 ? (t * PANEL + four) * 4 : lane / 2 * PANEL + row);
  }

  __device__ __forceinline__ void copyGroup(uint32_t target, int u) const {
#pragma unroll
    for (int s = 0; s < F::STRIPS; s++) {
      const uint8_t *at = codes + u * WARPS * GROUP_BYTES + s * STRIP_BYTES;
      copyOnceAsync(target + place + u * F::GROUP_BYTES + s * F::STRIP_BYTES, at);
      if (F::BITS == 8) copyOnceAsync(target + place + u * F::GROUP_BYTES + s * F::STRIP_BYTES + WARP * 16, at + PAIRS * PANEL);
    }
    if (threadIdx.x % WARP < (F::ZEROS ? 2 : 1) * QUADS) copyAsync8(target + gridPlace + u * F::GROUP_BYTES, grid + u * WARPS * GRID_BYTES);
  }

  // Asks for the next stage, if there is one.
  __device__ __forceinline__ void copyNext(uint32_t stage) {
    if (tile >= rows.tiles) return;
    if (group + (Ring::GROUPS - 1) * WARPS < groups) {
#pragma unroll
      for (int u = 0; u < Ring::GROUPS; u++) copyGroup(stage, u);
    } else {
#pragma unroll
      for (int u = 0; u < Ring::GROUPS - 1; u++)
        if (group + u * WARPS < groups) copyGroup(stage, u);
    }
    group += STEP, codes += STEP * GROUP_BYTES, grid += STEP * GRID_BYTES;
    if (group < groups) return;
    tile = rows.next(tile);
    if (tile < rows.tiles) locate();
  }
};
