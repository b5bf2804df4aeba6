package io.vquant.weights.safetensors;

import io.vquant.weights.MalformedCheckpointException;
import java.io.Reader;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Decodes strict UTF-8 without holding the text as a whole. A JSON parser given the bytes would
 * guess their encoding and let some malformed sequences pass.
 */
final class Utf8Reader extends Reader {
  private final Path file;
  private final long documentOffset;
  private final ByteBuffer bytes;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);

  /**
   * A reader of one document inside a file.
   *
   * @param document at most 2 GiB of the file
   * @param documentOffset where the document starts in the file
   */
  Utf8Reader(Path file, MemorySegment document, long documentOffset) {
    this.file = file;
    this.documentOffset = documentOffset;
    this.bytes = document.asByteBuffer();
  }

  /**
   * Decodes as much as fits.
   *
   * @param length at least 2, since a character outside the basic plane takes two chars
   * @throws MalformedCheckpointException at the first byte that is not UTF-8
   */
  @Override
  public int read(char[] target, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, target.length);
    if (!bytes.hasRemaining()) {
      return -1;
    }
    CharBuffer chars = CharBuffer.wrap(target, offset, length);
    CoderResult result = decoder.decode(bytes, chars, true);
    if (result.isError()) {
      throw new MalformedCheckpointException(
          file,
          null,
          documentOffset + bytes.position(),
          "UTF-8",
          "0x%02x, which is not UTF-8 here".formatted(bytes.get(bytes.position())));
    }
    int read = chars.position() - offset;
    if (read == 0) {
      throw new IllegalArgumentException("room for " + length + " char, at least 2 are needed");
    }
    return read;
  }

  /** Bytes that the first {@code charCount} chars of the UTF-8 document take. */
  static long byteOffset(MemorySegment document, long charCount) {
    ByteBuffer bytes = document.asByteBuffer();
    long chars = 0;
    while (bytes.hasRemaining()) {
      int lead = Byte.toUnsignedInt(bytes.get());
      boolean continuation = (lead & 0xc0) == 0x80;
      if (!continuation && chars >= charCount) {
        return bytes.position() - 1L;
      }
      if (!continuation) {
        chars += lead >= 0xf0 ? 2 : 1;
      }
    }
    return bytes.position();
  }

  @Override
  public void close() {}
}
