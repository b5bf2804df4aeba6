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

  private static ByteBuffer buffer(int byteSize) {
    return ByteBuffer.allocate(byteSize).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public int number(String what, int value, int least, int most) {
    bytes(buffer(Integer.BYTES).putInt(value).array());
    return value;
  }

  @Override
  public void floats(float[] values, int count) {
    ByteBuffer content = buffer(Float.BYTES * count);
    content.asFloatBuffer().put(values, 0, count);
    bytes(content.array());
  }

  @Override
  public void ints(int[] values, int count) {
    ByteBuffer content = buffer(Integer.BYTES * count);
    content.asIntBuffer().put(values, 0, count);
    bytes(content.array());
  }

  @Override
  public void longs(long[] values, int count) {
    ByteBuffer content = buffer(Long.BYTES * count);
    content.asLongBuffer().put(values, 0, count);
    bytes(content.array());
  }

  @Override
  public void block(MemorySegment block) {
    bytes(block.toArray(ValueLayout.JAVA_BYTE));
  }
}
