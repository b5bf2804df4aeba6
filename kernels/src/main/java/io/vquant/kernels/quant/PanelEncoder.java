package io.vquant.kernels.quant;

import java.lang.foreign.MemorySegment;

/** Finds scales, zeros and codes of one panel. All encoders give the same bits. */
@FunctionalInterface
public interface PanelEncoder {

  /**
   * Encodes.
   *
   * @param codes receives the words of the panel
   * @param scales receives its scales
   * @param zeros receives its zeros; empty with 8 bits
   * @param block the weights, F32 {@code [columns][64]}, finite and at most 65504 in magnitude
   */
  void encode(MemorySegment codes, MemorySegment scales, MemorySegment zeros, MemorySegment block);
}
