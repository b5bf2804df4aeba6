package io.vquant.engine.runtime;

import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ForwardListener;
import io.vquant.model.ModelConfig;
import io.vquant.weights.ElementType;
import io.vquant.weights.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * Writes what a model computes for some tokens, for comparing engines: {@code input_ids} I64 [T],
 * {@code logits} F32 [T, vocabSize] and, where asked for, {@code hidden.0} (embedding) to {@code
 * hidden.N} (after the final norm), F32 [T, hiddenSize].
 *
 * <p>Logits are computed while they are written. Hidden states come in the order of layers but lie
 * in the file in the order of names, so they go to a file beside it first and not into memory.
 */
public final class LogitsFile {
  private final ModelConfig config;
  private final LogitsPass pass;

  public LogitsFile(ModelConfig config, LogitsPass pass) {
    this.config = config;
    this.pass = pass;
  }

  /**
   * Runs the model and writes the file, which appears under its name when it is complete.
   *
   * @param progress told how far the layers are
   * @throws IOException if a file cannot be written
   * @throws io.vquant.model.ForwardCancelledException if {@code progress} says so
   */
  public void write(Path file, int[] tokenIds, boolean hiddenStates, ForwardListener progress)
      throws IOException {
    if (!hiddenStates) {
      pass.<IOException>withHidden(
          tokenIds, progress, hidden -> writer(tokenIds, hidden).write(file));
      return;
    }
    Path directory = file.toAbsolutePath().getParent();
    Path spoolFile = Files.createTempFile(directory, ".hidden-", ".tmp");
    try (FileChannel spool =
        FileChannel.open(
            spoolFile,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE)) {
      ForwardListener spooling = new Spooling(spool, progress);
      pass.<IOException>withHidden(
          tokenIds, spooling, hidden -> writeWithHidden(file, tokenIds, hidden, spool));
    } catch (UncheckedIOException failure) {
      throw failure.getCause();
    } finally {
      Files.deleteIfExists(spoolFile);
    }
  }

  private void writeWithHidden(Path file, int[] tokenIds, Tensor hidden, FileChannel spool)
      throws IOException {
    SafetensorsWriter writer = writer(tokenIds, hidden);
    List<Long> shape = List.of((long) tokenIds.length, (long) config.hiddenSize());
    long byteSize = Math.multiplyExact(shape.get(0), shape.get(1)) * Float.BYTES;
    for (int i = 0; i <= config.numHiddenLayers(); i++) {
      long offset = i * byteSize;
      writer.add(
          "hidden." + i,
          ElementType.F32,
          shape,
          target -> transfer(spool, offset, byteSize, target));
    }
    writer.write(file);
  }

  private SafetensorsWriter writer(int[] tokenIds, Tensor hidden) {
    long tokens = tokenIds.length;
    return new SafetensorsWriter()
        .add("input_ids", ElementType.I64, List.of(tokens), littleEndianLongs(tokenIds))
        .add(
            "logits",
            ElementType.F32,
            List.of(tokens, (long) config.vocabSize()),
            target ->
                pass.<IOException>forEachChunk(
                    hidden, 0, (position, logits) -> writeRows(logits, target)));
  }

  private static MemorySegment littleEndianLongs(int[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      bytes.putLong(value);
    }
    return MemorySegment.ofBuffer(bytes.flip());
  }

  private static void writeRows(Tensor rows, WritableByteChannel target) throws IOException {
    long rowBytes = (long) rows.columns() * Float.BYTES;
    for (int row = 0; row < rows.rows(); row++) {
      ByteBuffer bytes = rows.segment().asSlice(rows.rowByteOffset(row), rowBytes).asByteBuffer();
      while (bytes.hasRemaining()) {
        target.write(bytes);
      }
    }
  }

  private static void transfer(
      FileChannel source, long offset, long byteSize, WritableByteChannel target)
      throws IOException {
    long done = 0;
    while (done < byteSize) {
      long count = source.transferTo(offset + done, byteSize - done, target);
      if (count <= 0) {
        throw new IOException("hidden states end after " + done + " of " + byteSize + " bytes");
      }
      done += count;
    }
  }

  /** Appends hidden states to a file as they come. */
  private record Spooling(FileChannel spool, ForwardListener progress) implements ForwardListener {
    @Override
    public void progress(long doneWork, long totalWork) {
      progress.progress(doneWork, totalWork);
    }

    @Override
    public boolean cancelled() {
      return progress.cancelled();
    }

    @Override
    public boolean wantsHiddenStates() {
      return true;
    }

    @Override
    public void hiddenState(int index, Tensor rows) {
      try {
        writeRows(rows, spool);
      } catch (IOException failure) {
        throw new UncheckedIOException(failure);
      }
    }
  }
}
