// The index of the largest of a row of floats, the first of equal ones. Grid: any number of blocks; the last to finish tells the host.
#include <stdint.h>

#include "../common/order.cuh"
#include "../common/reduce.cuh"

constexpr int THREADS = 256;
// More than the key of any finite number.
constexpr unsigned long long NOT_FINITE = ~0ull;

// Keys are in the order of the numbers; of equal numbers the first has the largest key.
__device__ __forceinline__ unsigned long long keyOf(float x, int index) {
  if (!(fabsf(x) < INFINITY)) return NOT_FINITE;
  uint32_t bits = __float_as_uint(x == 0 ? 0.f : x), ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
  return (unsigned long long)ordered << 32 | (0xffffffffu - index);
}

// state: the largest key so far and the number of blocks that have told theirs; both zero before and after. `result` is in host memory.
extern "C" __global__ void __launch_bounds__(THREADS) argmax(unsigned long long *result, unsigned long long *state, const float *x, int columns) {
  __shared__ unsigned long long keys[THREADS / WARP];
  startAfterPrevious();
  unsigned long long largest = 0;
  for (int i = blockIdx.x * THREADS + threadIdx.x; i < columns; i += gridDim.x * THREADS) largest = max(largest, keyOf(x[i], i));
#pragma unroll
  for (int i = WARP / 2; i > 0; i /= 2) largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, i));
  if (threadIdx.x % WARP == 0) keys[threadIdx.x / WARP] = largest;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int i = 1; i < THREADS / WARP; i++) largest = max(largest, keys[i]);
  atomicMax(state, largest);
  __threadfence();
  if (atomicAdd(state + 1, 1) < gridDim.x - 1) return;
  __threadfence();
  *result = atomicExch(state, 0);
  state[1] = 0;
}
