// Pages of plain elements: 64 tokens of all KV heads, head after head: keys transposed [headDim][64], then values [64][headDim]. Twin of PageLayout.java.
#pragma once

constexpr int PAGE_TOKENS = 64;

// The page table holds the address of each page of a layer.
template <class T> __device__ __forceinline__ T *headKeys(const unsigned long long *pages, int page, int kvHead, int headDim) {
  return (T *)pages[page] + 2ll * kvHead * PAGE_TOKENS * headDim;
}
template <class T> __device__ __forceinline__ T *headValues(const unsigned long long *pages, int page, int kvHead, int headDim) {
  return headKeys<T>(pages, page, kvHead, headDim) + PAGE_TOKENS * headDim;
}
