package io.vquant.model.loading;

import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.layers.ParameterSource;
import io.vquant.weights.ElementType;
import io.vquant.weights.StoredTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.LongStream;

/**
 * Parameters made when they are asked for, in BF16: norm weights are 1, all others have a random
 * sign and a size of 2^-7 to 2^-6. That keeps activations of any width in a sane range, and is a
 * few instructions for four elements. A value depends on its place alone, so threads may share the
 * work.
 */
final class RandomParameters implements ParameterSource {
  private static final ValueLayout.OfLong FOUR_ELEMENTS =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long ALIGNMENT = 64;
  private static final long PIECE_BYTES = 1L << 20;
  private static final long SIGNS_AND_MANTISSAS = 0x807f_807f_807f_807fL;
  private static final long EXPONENTS = 0x3c00_3c00_3c00_3c00L; // 2^-7
  private static final long ONES = 0x3f80_3f80_3f80_3f80L;
  private static final long GOLDEN_GAMMA = 0x9e37_79b9_7f4a_7c15L;

  private final String prefix;
  private final Path file;
  private final Arena arena;
  private final WeightConversion conversion;
  private final List<StoredTensor> made;
  private final LongConsumer progress;

  /**
   * A source of all parameters.
   *
   * @param file what messages name
   * @param arena where the parameters live
   * @param made takes each tensor
   * @param progress told how many bytes there are so far
   */
  RandomParameters(
      Path file,
      Arena arena,
      WeightConversion conversion,
      List<StoredTensor> made,
      LongConsumer progress) {
    this("", file, arena, conversion, made, progress);
  }

  private RandomParameters(
      String prefix,
      Path file,
      Arena arena,
      WeightConversion conversion,
      List<StoredTensor> made,
      LongConsumer progress) {
    this.prefix = prefix;
    this.file = file;
    this.arena = arena;
    this.conversion = conversion;
    this.made = made;
    this.progress = progress;
  }

  @Override
  public RandomParameters child(String name) {
    return new RandomParameters(prefix + name + ".", file, arena, conversion, made, progress);
  }

  /** No: what is optional is left out. */
  @Override
  public boolean contains(String name) {
    return false;
  }

  /** What is quantized is made in memory of its own, which is free again at once. */
  @Override
  public LinearWeight weight(String name, int rows, int columns) {
    List<Long> shape = List.of((long) rows, (long) columns);
    if (!conversion.quantizes(prefix + name)) {
      return conversion.matrix(make(arena, name, shape), rows, columns);
    }
    try (Arena passing = Arena.ofShared()) {
      return conversion.matrix(make(passing, name, shape), rows, columns);
    }
  }

  @Override
  public Tensor vector(String name, int size) {
    return conversion.vector(make(arena, name, List.of((long) size)), size);
  }

  private StoredTensor make(Arena arena, String name, List<Long> shape) {
    String fullName = prefix + name;
    long byteSize = StoredTensor.byteSize(ElementType.BF16, shape);
    long padded = Math.ceilDiv(byteSize, Long.BYTES) * Long.BYTES;
    MemorySegment memory = arena.allocate(padded, ALIGNMENT);
    if (fullName.endsWith("norm.weight")) {
      fill(memory, 0, padded, 0, true);
    } else {
      long seed = made.size() * GOLDEN_GAMMA;
      LongStream.range(0, Math.ceilDiv(padded, PIECE_BYTES))
          .parallel()
          .forEach(piece -> {
            long from = piece * PIECE_BYTES;
            fill(memory, from, Math.min(padded, from + PIECE_BYTES), seed, false);
          });
    }
    MemorySegment data = memory.asSlice(0, byteSize);
    StoredTensor tensor = new StoredTensor(fullName, ElementType.BF16, shape, data, file, 0);
    made.add(tensor);
    progress.accept(made.stream().mapToLong(StoredTensor::byteSize).sum());
    return tensor;
  }

  private static void fill(MemorySegment memory, long from, long end, long seed, boolean ones) {
    for (long at = from; at < end; at += Long.BYTES) {
      long random = mixed(seed + at * GOLDEN_GAMMA);
      long four = ones ? ONES : (random & SIGNS_AND_MANTISSAS) | EXPONENTS;
      memory.set(FOUR_ELEMENTS, at, four);
    }
  }

  /** The output function of SplitMix64 (Steele, Lea, Flood 2014). */
  private static long mixed(long state) {
    long z = (state ^ (state >>> 30)) * 0xbf58_476d_1ce4_e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d0_49bb_1331_11ebL;
    return z ^ (z >>> 31);
  }
}
