package io.vquant.engine.runtime;

import io.vquant.kernels.kvcache.KvTransfer;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** Reads what {@link SnapshotWriter} writes; never more of a section than is expected of it. */
final class SnapshotReader implements KvTransfer {
  private final DataInputStream in;
  private int section;

  SnapshotReader(DataInputStream in) {
    this.in = in;
  }

  static int crc(int section, byte[] content) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(Integer.BYTES).putInt(section).flip());
    crc.update(content);
    return (int) crc.getValue();
  }

  @Override
  public boolean isReading() {
    return true;
  }

  /**
   * A section of its own.
   *
   * @throws IllegalArgumentException if it is damaged or of another length
   */
  byte[] bytes(int least, int most) {
    try {
      int length = in.readInt();
      if (length < least || length > most) {
        throw new IllegalArgumentException(
            "section " + section + " has " + length + " bytes, expected " + least + " to " + most);
      }
      byte[] content = in.readNBytes(length);
      if (content.length < length || in.readInt() != crc(section, content)) {
        throw new IllegalArgumentException("section " + section + " is damaged (CRC-32C)");
      }
      section++;
      return content;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private ByteBuffer buffer(int byteSize) {
    return ByteBuffer.wrap(bytes(byteSize, byteSize)).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public int number(String what, int value, int least, int most) {
    int read = buffer(Integer.BYTES).getInt();
    if (read < least || read > most) {
      throw new IllegalArgumentException(what + " " + read + ": expected " + least + " to " + most);
    }
    return read;
  }

  @Override
  public void floats(float[] values, int count) {
    buffer(Float.BYTES * count).asFloatBuffer().get(values, 0, count);
  }

  @Override
  public void ints(int[] values, int count) {
    buffer(Integer.BYTES * count).asIntBuffer().get(values, 0, count);
  }

  @Override
  public void longs(long[] values, int count) {
    buffer(Long.BYTES * count).asLongBuffer().get(values, 0, count);
  }

  @Override
  public void block(MemorySegment block) {
    int byteSize = Math.toIntExact(block.byteSize());
    MemorySegment.copy(bytes(byteSize, byteSize), 0, block, ValueLayout.JAVA_BYTE, 0, byteSize);
  }
}
