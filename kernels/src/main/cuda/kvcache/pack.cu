// Packs hot tiles into pages: one side of one head of a page a block, codes, scales and zeros as GroupLayout.java lays them out. Grid: (pages, KV heads, 2).
#include "../common/order.cuh"
#include "codecs/group_fit.cuh"
#include "line_layer.cuh"

constexpr int THREADS = 256, HALF_WARPS = THREADS / LANES, MAX_HEAD_DIM = 256;

// `group` channels share a scale, token by token; 0: all 64 tokens of a channel do.
extern "C" __global__ void __launch_bounds__(THREADS)
    pack(const LineLayer *layers, int headDim, int keyBits, int keyGroup, int valueBits, int valueGroup, int keyByteSize, int headByteSize) {
  __shared__ bf16 elements[PAGE_TOKENS * MAX_HEAD_DIM];
  __shared__ uint8_t codes[PAGE_TOKENS * MAX_HEAD_DIM];
  startAfterPrevious();
  const LineLayer &layer = *layers;
  int index = blockIdx.x, head = blockIdx.y, isValue = blockIdx.z, D = headDim;
  int bits = isValue ? valueBits : keyBits, group = isValue ? valueGroup : keyGroup, maxCode = (1 << bits) - 1;
  int page = layer.packedPages + index;
  const bf16 *tile = headKeys<bf16>(layer.tiles + SLAB_TILES, index, head, D) + (isValue ? PAGE_TOKENS * D : 0);
  uint8_t *out = (uint8_t *)layer.pages[page] + (long long)head * headByteSize + (isValue ? keyByteSize : 0);
  unsigned long long lines = group == 0 ? layer.lineMasks[head * layer.maxPages + page] : 0;
  for (int i = threadIdx.x; i < PAGE_TOKENS * D; i += THREADS) {
    // [token][channel]
    int token = isValue ? i / D : i % PAGE_TOKENS, channel = isValue ? i % D : i / PAGE_TOKENS;
    elements[token * D + channel] = tile[i];
  }
  __syncthreads();
  int half = threadIdx.x / LANES, lane = threadIdx.x % LANES, codeBytes = PAGE_TOKENS * D * bits / 8;
  int groups = group == 0 ? D : PAGE_TOKENS * (D / group), groupsOfToken = group == 0 ? 0 : D / group, size = group == 0 ? PAGE_TOKENS : group;
  __half *scales = (__half *)(out + codeBytes), *zeros = scales + groups;
  for (int g = half; g < groups; g += HALF_WARPS) {
    // Element i of the group lies `stride` after the one before.
    int first = group == 0 ? g : g / groupsOfToken * D + g % groupsOfToken * group, stride = group == 0 ? D : 1;
    auto element = [&](int i) { return toFloat(elements[first + i * stride]); };
    Group<decltype(element)> members(element, size, lines, maxCode);
    Grid grid = members.fit();
    if (lane == 0) {
      int at = group == 0 ? g : g % groupsOfToken * PAGE_TOKENS + g / groupsOfToken;
      scales[at] = grid.scale, zeros[at] = grid.zero;
    }
    for (int i = lane; i < size; i += LANES) codes[first + i * stride] = codeOf(element(i), grid.inverse(), grid.first(), maxCode);
  }
  for (int i = 4 * groups + threadIdx.x; i < (4 * groups + 127) / 128 * 128; i += THREADS) out[codeBytes + i] = 0;
  __syncthreads();
  // Keys [token][channel], values [channel][token], codes side by side in words.
  int perWord = 32 / bits, columns = isValue ? PAGE_TOKENS : D;
  for (int w = threadIdx.x; w < codeBytes / 4; w += THREADS) {
    int row = w * perWord / columns, column = w * perWord % columns;
    uint32_t word = 0;
    for (int i = 0; i < perWord; i++) word |= (uint32_t)(isValue ? codes[(column + i) * D + row] : codes[row * D + column + i]) << (bits * i);
    ((uint32_t *)out)[w] = word;
  }
}
