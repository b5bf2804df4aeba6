// Rotary embedding, halves as in Hugging Face (Su et al. 2021, section 3.4). The angles of a chunk of rows are computed once and shared by all layers
// and heads: position (as float32) times inverse frequency in float32, cosine and sine in double, rounded.
#include "../common/order.cuh"

// angles [rows][half]: (cos, sin). Grid: rows; positions are read from device memory, so that a recorded graph can be replayed: of row 0 where the others
// follow, else of each.
extern "C" __global__ void rotary_angles(float2 *angles, const float *inverseFrequencies, const int *positions, int follow, int half, float scaling) {
  startAfterPrevious();
  float position = follow ? (float)((long long)*positions + blockIdx.x) : (float)positions[blockIdx.x];
  for (int i = threadIdx.x; i < half; i += blockDim.x) {
    double angle = (double)__fmul_rn(position, inverseFrequencies[i]), sine, cosine;
    sincos(angle, &sine, &cosine);
    angles[(long long)blockIdx.x * half + i] = make_float2(__fmul_rn((float)cosine, scaling), __fmul_rn((float)sine, scaling));
  }
}

// Grid: (rows, blocks of pairs); pairs are heads * half.
extern "C" __global__ void rotary_apply(float *x, long long stride, const float2 *angles, int half, int pairs) {
  startAfterPrevious();
  int pair = blockIdx.y * blockDim.x + threadIdx.x;
  if (pair >= pairs) return;
  long long row = blockIdx.x;
  float2 angle = angles[row * half + pair % half];
  float *first = x + row * stride + pair / half * 2 * half + pair % half, *second = first + half;
  float a = *first, b = *second;
  *first = a * angle.x - b * angle.y;
  *second = b * angle.x + a * angle.y;
}
