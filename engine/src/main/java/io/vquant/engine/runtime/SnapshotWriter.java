package io.vquant.engine.runtime;

import io.vquant.kernels.kvcache.KvTransfer;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes sections: length, content, CRC-32C of the section's number and content. */
final class SnapshotWriter implements KvTransfer {
  private final DataOutputStream out;
  private int section;

  SnapshotWriter(DataOutputStream out) {
    this.out = out;
  }

  @Override
  public boolean isReading() {
    return false;
  }

  /** A section of its own. */
  void bytes(byte[] content) {
    try {
      out.writeInt(content.length);
      out.write(content);
      out.writeInt(SnapshotReader.crc(section++, content));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ByteBuffer over(byte[] content) {
    return ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public int number(String what, int value, int least, int most) {
    byte[] content = new byte[Integer.BYTES];
    over(content).putInt(value);
    bytes(content);
    return value;
  }

  @Override
  public void floats(float[] values, int count) {
    byte[] content = new byte[Float.BYTES * count];
    over(content).asFloatBuffer().put(values, 0, count);
    bytes(content);
  }

  @Override
  public void ints(int[] values, int count) {
    byte[] content = new byte[Integer.BYTES * count];
    over(content).asIntBuffer().put(values, 0, count);
    bytes(content);
  }

  @Override
  public void longs(long[] values, int count) {
    byte[] content = new byte[Long.BYTES * count];
    over(content).asLongBuffer().put(values, 0, count);
    bytes(content);
  }

  @Override
  public void block(MemorySegment block) {
    bytes(block.toArray(ValueLayout.JAVA_BYTE));
  }
}
