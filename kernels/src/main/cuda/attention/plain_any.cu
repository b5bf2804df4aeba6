// Causal attention over plain pages in float32 arithmetic, for any head size up to 1024: a block a row and query head, page after page with an online
// softmax. A row's result does not depend on the other rows. Grid: (rows, query heads); dynamic shared memory: headDim floats.
#include "../common/dtypes.cuh"
#include "../common/order.cuh"
#include "../common/reduce.cuh"
#include "../kvcache/plain_pages.cuh"

constexpr int THREADS = 128, CHANNELS = 8;

template <class T>
__device__ void attend(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages, const int *startPosition,
                       int groupSize, int headDim, float scale, int window) {
  extern __shared__ float query[];
  __shared__ float half[THREADS], weight[PAGE_TOKENS], scratch[WARP];
  startAfterPrevious();
  int head = blockIdx.y, kvHead = head / groupSize, position = *startPosition + (int)blockIdx.x;
  int first = window > position ? 0 : position - window + 1;
  for (int c = threadIdx.x; c < headDim; c += THREADS) query[c] = q[blockIdx.x * qStride + head * headDim + c];
  float largest = -INFINITY, sum = 0, mixed[CHANNELS] = {};
  __syncthreads();
  for (int page = first / PAGE_TOKENS; page <= position / PAGE_TOKENS; page++) {
    const T *keys = headKeys<T>(pages, page, kvHead, headDim), *values = keys + PAGE_TOKENS * headDim;
    int slot = threadIdx.x % PAGE_TOKENS, token = page * PAGE_TOKENS + slot;
    bool seen = token >= first && token <= position;
    float dot = 0;
    for (int c = threadIdx.x / PAGE_TOKENS; seen && c < headDim; c += THREADS / PAGE_TOKENS) dot = fmaf(query[c], toFloat(keys[c * PAGE_TOKENS + slot]), dot);
    half[threadIdx.x] = dot;
    __syncthreads();
    float score = seen && threadIdx.x < PAGE_TOKENS ? (half[slot] + half[slot + PAGE_TOKENS]) * scale : -INFINITY;
    float newLargest = fmaxf(largest, blockMax(score, scratch)), shrink = expf(largest - newLargest);
    float p = score == -INFINITY ? 0.f : expf(score - newLargest);
    if (threadIdx.x < PAGE_TOKENS) weight[slot] = p;
    sum = sum * shrink + blockSum(p, scratch);
    largest = newLargest;
    int begin = max(0, first - page * PAGE_TOKENS), end = min(PAGE_TOKENS, position + 1 - page * PAGE_TOKENS);
#pragma unroll
    for (int i = 0; i < CHANNELS; i++) {
      int c = threadIdx.x + i * THREADS;
      if (c >= headDim) break;
      float o = mixed[i] * shrink;
      for (int t = begin; t < end; t++) o = fmaf(weight[t], toFloat(values[t * headDim + c]), o);
      mixed[i] = o;
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < CHANNELS; i++) {
    int c = threadIdx.x + i * THREADS;
    if (c < headDim) out[blockIdx.x * outStride + head * headDim + c] = mixed[i] / sum;
  }
}

#define ENTRY(SUFFIX, T)                                                                                                                              \
  extern "C" __global__ void __launch_bounds__(THREADS)                                                                                               \
      attention_plain_any_##SUFFIX(float *out, long long outStride, const float *q, long long qStride, const unsigned long long *pages,               \
                                   const int *startPosition, int groupSize, int headDim, float scale, int window) {                                   \
    attend<T>(out, outStride, q, qStride, pages, startPosition, groupSize, headDim, scale, window);                                                    \
  }
ENTRY(f32, float)
ENTRY(bf16, bf16)
