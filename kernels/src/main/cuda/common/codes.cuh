// Weights in 8 or 4 bits as PanelLayout.java lays them out: panels of 64 rows side by side. 8 bits: signed bytes [panels][columns][64]. 4 bits: 32-bit words
// [panels][columns / 32][4][64], code n of word j is that of column 4 n + j. Scales and zeros: FP16 [panels][columns / group][64].
#pragma once
#include "dtypes.cuh"

constexpr int PANEL = 64, STRIP = 32, STRIP_WORDS = 4;

// A matrix in codes. Outliers: those of row r are starts[r] to starts[r + 1] - 1, by rising column; differences are added to what codes stand for.
struct Codes {
  const uint8_t *codes;
  const f16 *scales, *zeros;
  const int *outlierStarts, *outlierColumns;
  const float *outlierDifferences;
};

// What the code of an element stands for, bit for bit as QuantizedWeight.java says.
template <int BITS> __device__ __forceinline__ float codeValue(const Codes &weight, int row, int column, int columns, int group) {
  long long panel = row / PANEL;
  int lane = row % PANEL;
  long long grid = (panel * (columns / group) + column / group) * PANEL + lane;
  float scale = toFloat(weight.scales[grid]);
  if (BITS == 8) return scale * (float)((const int8_t *)weight.codes)[(panel * columns + column) * PANEL + lane];
  long long word = (panel * (columns / STRIP) + column / STRIP) * STRIP_WORDS + column % STRIP_WORDS;
  uint32_t code = ((const uint32_t *)weight.codes)[word * PANEL + lane] >> (column % STRIP / STRIP_WORDS * 4) & 15;
  return fmaf(scale, (float)code, toFloat(weight.zeros[grid]));
}
