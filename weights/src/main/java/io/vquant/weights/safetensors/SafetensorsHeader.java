package io.vquant.weights.safetensors;

import static io.vquant.weights.MalformedCheckpointException.UNKNOWN_OFFSET;

import io.vquant.weights.MalformedCheckpointException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * The checked header of one file. A file is: the length of the header as an unsigned 64-bit
 * little-endian number, the header (JSON, possibly padded with blanks), and the data part, which
 * the tensors cover from its first byte to its last without holes or overlap.
 *
 * @param dataOffset where the data part starts, in bytes from the start of the file
 * @param tensors ordered by their place in the data part
 */
record SafetensorsHeader(long dataOffset, Map<String, String> metadata, List<TensorEntry> tensors) {
  static final int LENGTH_BYTES = 8;
  static final int MAX_BYTES = StrictJson.MAX_BYTES;

  private static final int MIN_BYTES = 2;
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Reads and checks the header of a file.
   *
   * @param file for messages
   * @param bytes the whole file
   * @throws MalformedCheckpointException if the bytes break any rule of the format
   */
  static SafetensorsHeader parse(Path file, MemorySegment bytes) {
    long length = length(file, bytes);
    long dataOffset = LENGTH_BYTES + length;
    MemorySegment text = bytes.asSlice(LENGTH_BYTES, length);
    byte first = text.get(ValueLayout.JAVA_BYTE, 0);
    if (first != '{') {
      String found = ForeignContent.describe(bytes).orElse("0x%02x".formatted(first));
      throw malformed(file, LENGTH_BYTES, "a header that starts with {", found);
    }
    try (StrictJson json = new StrictJson(file, text, LENGTH_BYTES)) {
      HeaderParser parser = new HeaderParser(json);
      parser.parse();
      List<TensorEntry> tensors =
          parser.tensors().stream()
              .sorted(
                  Comparator.comparingLong(TensorEntry::begin).thenComparingLong(TensorEntry::end))
              .toList();
      requireGapless(file, tensors, dataOffset, bytes.byteSize());
      return new SafetensorsHeader(dataOffset, parser.metadata(), tensors);
    }
  }

  private static long length(Path file, MemorySegment bytes) {
    long fileBytes = bytes.byteSize();
    if (fileBytes < LENGTH_BYTES) {
      String found = fileBytes == 0 ? "an empty file" : "a file of " + fileBytes + " bytes";
      throw malformed(file, UNKNOWN_OFFSET, "a header length of 8 bytes", found);
    }
    long length = bytes.get(LENGTH, 0);
    String stated = Long.toUnsignedString(length);
    if (length < MIN_BYTES || length > MAX_BYTES) {
      String found = ForeignContent.describe(bytes).orElse(stated);
      throw malformed(
          file, 0, "a header length from " + MIN_BYTES + " to " + MAX_BYTES + " bytes", found);
    }
    if (length > fileBytes - LENGTH_BYTES) {
      throw malformed(
          file,
          0,
          "a header of " + stated + " bytes as its length says",
          "only " + (fileBytes - LENGTH_BYTES) + " bytes after the length (truncated file?)");
    }
    return length;
  }

  private static void requireGapless(
      Path file, List<TensorEntry> tensors, long dataOffset, long fileBytes) {
    long dataBytes = fileBytes - dataOffset;
    long covered = 0;
    for (TensorEntry tensor : tensors) {
      if (tensor.begin() != covered) {
        String fault = tensor.begin() < covered ? " (overlap)" : " (a hole)";
        throw new MalformedCheckpointException(
            file,
            tensor.name(),
            UNKNOWN_OFFSET,
            "data_offsets to begin at " + covered + ", where the tensor before it ends",
            tensor.begin() + fault);
      }
      covered = tensor.end();
    }
    if (covered > dataBytes) {
      TensorEntry last = tensors.getLast();
      throw new MalformedCheckpointException(
          file,
          last.name(),
          UNKNOWN_OFFSET,
          "%d bytes of data as the header promises".formatted(covered),
          "only %d, %d are missing (truncated file?)".formatted(dataBytes, covered - dataBytes));
    }
    if (covered < dataBytes) {
      throw malformed(
          file,
          dataOffset + covered,
          "the file to end with its last tensor",
          (dataBytes - covered) + " more bytes");
    }
  }

  private static MalformedCheckpointException malformed(
      Path file, long byteOffset, String expected, String found) {
    return new MalformedCheckpointException(file, null, byteOffset, expected, found);
  }
}
