package io.vquant.weights;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/**
 * One tensor as it lies in its file: a read-only view, not a copy. Elements are little-endian,
 * row-major and without gaps; the view may start at any byte, so readers use the unaligned layouts.
 *
 * @param name full name, such as {@code model.layers.0.mlp.up_proj.weight}
 * @param type encoding of the elements
 * @param shape sizes from the outermost dimension inwards; empty for a scalar
 * @param data exactly {@code elementCount x type.byteSize()} bytes; usable until the checkpoint
 *     that mapped it is closed
 * @param file where it is stored
 * @param fileOffset its first byte, from the start of the file
 */
public record StoredTensor(
    String name,
    ElementType type,
    List<Long> shape,
    MemorySegment data,
    Path file,
    long fileOffset) {

  /**
   * Copies the shape and takes a read-only view of the data.
   *
   * @throws IllegalArgumentException if the data has not the size that type and shape ask for, or a
   *     dimension is negative
   */
  public StoredTensor {
    shape = List.copyOf(shape);
    data = data.asReadOnly();
    if (fileOffset < 0) {
      throw new IllegalArgumentException("tensor " + name + ": file offset " + fileOffset);
    }
    long wanted = byteSize(type, shape);
    if (data.byteSize() != wanted) {
      throw new IllegalArgumentException(
          "tensor %s: %s %s takes %d bytes, its data has %d"
              .formatted(name, type, shape, wanted, data.byteSize()));
    }
  }

  /** The product of the shape; 1 for a scalar. */
  public long elementCount() {
    return data.byteSize() / type.byteSize();
  }

  /** Bytes of the data. */
  public long byteSize() {
    return data.byteSize();
  }

  /**
   * One element as a float, for tools and tests (a kernel reads {@link #data()} itself). Exact for
   * the floating-point types up to 32 bits and the integers up to 16; wider ones are rounded to the
   * nearest float. BOOL gives 0 or 1.
   *
   * @param index position in row-major order
   * @throws IndexOutOfBoundsException if there is no such element
   */
  public float floatAt(long index) {
    return ElementReader.floatAt(type, data, index, elementCount());
  }

  /**
   * The bytes that a tensor of this type and shape takes.
   *
   * @throws IllegalArgumentException if a dimension is negative or the size passes 2^63 - 1
   */
  public static long byteSize(ElementType type, List<Long> shape) {
    try {
      long elementCount = 1;
      for (long dimension : shape) {
        if (dimension < 0) {
          throw new IllegalArgumentException("shape " + shape + ": negative dimension");
        }
        elementCount = Math.multiplyExact(elementCount, dimension);
      }
      return Math.multiplyExact(elementCount, (long) type.byteSize());
    } catch (ArithmeticException overflow) {
      throw new IllegalArgumentException(
          "shape " + shape + " of " + type + " takes more than 2^63 - 1 bytes", overflow);
    }
  }
}
