// Kernels are launched so that one may start while the one before it still runs (programmatic dependent launch): each waits here before it reads or writes
// what others use. Cards before Hopper start them one after the other.
#pragma once

// What comes before is complete and visible.
__device__ __forceinline__ void waitForPrevious() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;\n" ::: "memory");
#endif
}

// The next kernel may start; it waits in turn until this one is complete.
__device__ __forceinline__ void letNextStart() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;\n");
#endif
}

__device__ __forceinline__ void startAfterPrevious() {
  letNextStart();
  waitForPrevious();
}
