package io.vquant.engine.hub;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The end of a file that is being fetched: where its bytes go. */
interface PartSink extends Closeable {
  /** How sinks are opened. */
  interface Opener {
    /**
     * Opens a file, made when it is not there, to write behind its first {@code byteSize} bytes;
     * what was behind them is dropped.
     */
    PartSink open(Path file, long byteSize) throws IOException;
  }

  void write(ByteBuffer bytes) throws IOException;

  /** Returns when what was written would survive a power cut. */
  void sync() throws IOException;

  /** On the disk. */
  static PartSink ofFile(Path file, long byteSize) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      channel.truncate(byteSize).position(byteSize);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    return new PartSink() {
      @Override
      public void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }

      @Override
      public void sync() throws IOException {
        channel.force(true);
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }
}
