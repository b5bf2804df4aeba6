package io.vquant.weights.safetensors;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes the bytes of safetensors files by hand, so that tests do not rely on the writer. */
public final class RawFile {
  private RawFile() {}

  /** Length, header and zeros as data. */
  public static byte[] of(String header, int dataBytes) {
    return of(header.getBytes(StandardCharsets.UTF_8), dataBytes);
  }

  public static byte[] of(byte[] header, int dataBytes) {
    return withLength(header.length, header, dataBytes);
  }

  /** As {@code of}, with a length field that may lie. */
  public static byte[] withLength(long length, byte[] header, int dataBytes) {
    return ByteBuffer.allocate(8 + header.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(header)
        .array();
  }

  /** {@code "name":{...}}, the entry of one tensor. */
  public static String entry(String name, String dtype, String shape, long begin, long end) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(name, dtype, shape, begin, end);
  }

  /** A file that holds one U8 tensor of two elements. */
  public static Path writeSmall(Path file, String tensor) throws IOException {
    return Files.write(file, of("{" + entry(tensor, "U8", "[2]", 0, 2) + "}", 2));
  }
}
