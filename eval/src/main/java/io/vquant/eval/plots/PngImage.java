package io.vquant.eval.plots;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** A raster as a PNG file (ISO/IEC 15948): 8 bits a channel, no transparency, no filter. */
public final class PngImage {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

  private PngImage() {}

  /** The bytes of the file. */
  public static byte[] of(Raster raster) {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(SIGNATURE);
    ByteBuffer header = ByteBuffer.allocate(13).putInt(raster.width()).putInt(raster.height());
    header.put((byte) 8).put((byte) 2); // bits a channel; red, green, blue
    addChunk(file, "IHDR", header.array());
    addChunk(file, "IDAT", deflated(rows(raster)));
    addChunk(file, "IEND", new byte[0]);
    return file.toByteArray();
  }

  /** Each row after the number of its filter, 0: none. */
  private static byte[] rows(Raster raster) {
    ByteBuffer rows = ByteBuffer.allocate(raster.height() * (1 + 3 * raster.width()));
    for (int y = 0; y < raster.height(); y++) {
      rows.put((byte) 0);
      for (int x = 0; x < raster.width(); x++) {
        int colour = raster.pixel(x, y);
        rows.put((byte) (colour >> 16)).put((byte) (colour >> 8)).put((byte) colour);
      }
    }
    return rows.array();
  }

  private static byte[] deflated(byte[] bytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (Deflater deflater = new Deflater(Deflater.BEST_COMPRESSION)) {
      deflater.setInput(bytes);
      deflater.finish();
      byte[] buffer = new byte[1 << 14];
      while (!deflater.finished()) {
        out.write(buffer, 0, deflater.deflate(buffer));
      }
    }
    return out.toByteArray();
  }

  private static void addChunk(ByteArrayOutputStream file, String type, byte[] content) {
    byte[] typeAndContent =
        ByteBuffer.allocate(4 + content.length)
            .put(type.getBytes(StandardCharsets.US_ASCII))
            .put(content)
            .array();
    CRC32 crc = new CRC32();
    crc.update(typeAndContent);
    file.writeBytes(ByteBuffer.allocate(4).putInt(content.length).array());
    file.writeBytes(typeAndContent);
    file.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
  }
}
