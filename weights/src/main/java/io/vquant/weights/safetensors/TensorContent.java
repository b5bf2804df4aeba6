package io.vquant.weights.safetensors;

import java.io.IOException;
import java.nio.channels.WritableByteChannel;

/**
 * Produces the bytes of one tensor when the writer comes to it, so that they need not all exist.
 */
@FunctionalInterface
public interface TensorContent {
  /**
   * Writes exactly the bytes that type and shape ask for, little-endian and row-major, in pieces of
   * any size.
   */
  void writeTo(WritableByteChannel target) throws IOException;
}
