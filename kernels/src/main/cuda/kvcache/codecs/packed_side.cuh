// One side of one head of a packed page, in any format, read element by element (GroupLayout.java).
#pragma once
#include "../../common/dtypes.cuh"
#include "../plain_pages.cuh"

// How a format lies, as the host passes it: `group` channels share a scale, token by token; 0: all tokens of a channel do.
struct PackedFormat {
  int keyBits, keyGroup, valueBits, valueGroup, keyByteSize, headByteSize;
};

struct PackedSide {
  const uint8_t *codes;
  const __half *scales;
  int headDim, bits, group, groups;
  bool isValue;

  __device__ PackedSide(const PackedFormat &format, unsigned long long page, int kvHead, int headDim, bool isValue)
      : codes((const uint8_t *)page + (long long)kvHead * format.headByteSize + (isValue ? format.keyByteSize : 0)), headDim(headDim),
        bits(isValue ? format.valueBits : format.keyBits), group(isValue ? format.valueGroup : format.keyGroup), isValue(isValue) {
    groups = group == 0 ? headDim : PAGE_TOKENS * (headDim / group);
    scales = (const __half *)(codes + PAGE_TOKENS * headDim * bits / 8);
  }

  // The word with the codes of `32 / bits` channels (keys) or tokens (values) from this one on.
  __device__ __forceinline__ uint32_t word(int token, int channel) const {
    int row = isValue ? channel : token, column = isValue ? token : channel, columns = isValue ? PAGE_TOKENS : headDim;
    return *(const uint32_t *)(codes + (row * columns + column) * bits / 8);
  }
  __device__ __forceinline__ int groupOf(int token, int channel) const { return group == 0 ? channel : channel / group * PAGE_TOKENS + token; }
  __device__ __forceinline__ float value(int code, int token, int channel) const {
    int g = groupOf(token, channel);
    return fmaf(__half2float(scales[g]), (float)code, __half2float(scales[groups + g]));
  }
  __device__ __forceinline__ float element(int token, int channel) const {
    int row = isValue ? channel : token, column = isValue ? token : channel, columns = isValue ? PAGE_TOKENS : headDim;
    int bit = (row * columns + column) * bits;
    return value(codes[bit / 8] >> bit % 8 & ((1 << bits) - 1), token, channel);
  }
};
