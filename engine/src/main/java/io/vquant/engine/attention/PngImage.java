package io.vquant.engine.attention;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * An RGB image with 8 bits a channel, and its PNG (W3C, third edition): one image data chunk,
 * unfiltered rows. In place of java.desktop, which would be a second of start-up for this.
 */
public final class PngImage {
  private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  private static final int MOST_PIXELS = 1 << 26;
  private final int width;
  private final int height;
  private final byte[] scanlines;

  /** A black image. */
  public PngImage(int width, int height) {
    if (width < 1 || height < 1 || (long) width * height > MOST_PIXELS) {
      throw new IllegalArgumentException(
          "image of " + width + " x " + height + ": expected 1 to " + MOST_PIXELS + " pixels");
    }
    this.width = width;
    this.height = height;
    scanlines = new byte[height * (1 + 3 * width)];
  }

  /** Colours a rectangle {@code 0xRRGGBB}. */
  public void fill(int x, int y, int columns, int rows, int rgb) {
    for (int row = y; row < y + rows; row++) {
      for (int column = x; column < x + columns; column++) {
        int at = row * (1 + 3 * width) + 1 + 3 * column;
        scanlines[at] = (byte) (rgb >> 16);
        scanlines[at + 1] = (byte) (rgb >> 8);
        scanlines[at + 2] = (byte) rgb;
      }
    }
  }

  /** The file's bytes. */
  public byte[] encode() {
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    png.writeBytes(SIGNATURE);
    byte[] header =
        ByteBuffer.allocate(13)
            .putInt(width)
            .putInt(height)
            .put((byte) 8) // bits a channel
            .put((byte) 2) // RGB
            .array();
    writeChunk(png, "IHDR", header);
    writeChunk(png, "IDAT", deflated());
    writeChunk(png, "IEND", new byte[0]);
    return png.toByteArray();
  }

  private byte[] deflated() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (Deflater deflater = new Deflater()) {
      deflater.setInput(scanlines);
      deflater.finish();
      byte[] buffer = new byte[1 << 16];
      while (!deflater.finished()) {
        out.write(buffer, 0, deflater.deflate(buffer));
      }
    }
    return out.toByteArray();
  }

  private static void writeChunk(ByteArrayOutputStream png, String type, byte[] data) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    png.writeBytes(ByteBuffer.allocate(4).putInt(data.length).array());
    png.writeBytes(name);
    png.writeBytes(data);
    png.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
  }
}
