package io.vquant.weights.safetensors;

import static io.vquant.weights.MalformedCheckpointException.quoted;

import io.vquant.weights.ElementType;
import io.vquant.weights.StoredTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Writes a safetensors file as the reference implementation would: types of larger alignment first,
 * then by name, behind a header padded with blanks so that every tensor starts aligned. The file
 * appears under its name only when it is complete; what was there before stays until then.
 */
public final class SafetensorsWriter {
  private static final int CHUNK_BYTES = 1 << 20;

  /** Names compared by their UTF-8 bytes, as Rust does; Java's own order is that of UTF-16. */
  private static final Comparator<String> UTF8_ORDER =
      Comparator.comparing(name -> name.getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned);

  private final Map<String, Item> items = new TreeMap<>(UTF8_ORDER);
  private final Map<String, String> metadata = new TreeMap<>(UTF8_ORDER);

  private int alignment = HeaderEncoder.ALIGNMENT;

  private record Item(
      String name, ElementType type, List<Long> shape, long byteSize, TensorContent content) {}

  /**
   * Has the first tensor start at a multiple of so many bytes, by blanks behind the header.
   *
   * @param byteCount a power of two, at least 8
   */
  public SafetensorsWriter alignment(int byteCount) {
    if (byteCount < HeaderEncoder.ALIGNMENT || Integer.bitCount(byteCount) != 1) {
      throw new IllegalArgumentException(
          "alignment " + byteCount + ": expected a power of two from 8 on");
    }
    alignment = byteCount;
    return this;
  }

  /** Sets one entry of {@code __metadata__}. */
  public SafetensorsWriter metadata(String key, String value) {
    requireUnicode("metadata key", key);
    requireUnicode("metadata value", value);
    metadata.put(key, value);
    return this;
  }

  /** Adds a tensor as it is stored elsewhere; it must stay readable until the file is written. */
  public SafetensorsWriter add(StoredTensor tensor) {
    return add(tensor.name(), tensor.type(), tensor.shape(), tensor.data());
  }

  /**
   * Adds a tensor that lies in memory.
   *
   * @param data little-endian and row-major; must stay alive until the file is written
   * @throws IllegalArgumentException if the data has not the size that type and shape ask for, or
   *     for the reasons of the other form
   */
  public SafetensorsWriter add(
      String name, ElementType type, List<Long> shape, MemorySegment data) {
    long byteSize = StoredTensor.byteSize(type, shape);
    if (data.byteSize() != byteSize) {
      throw new IllegalArgumentException(
          "tensor %s: %s %s takes %d bytes, its data has %d"
              .formatted(quoted(name), type, shape, byteSize, data.byteSize()));
    }
    return add(name, type, shape, target -> writeSegment(data, target));
  }

  /**
   * Adds a tensor whose bytes are produced while the file is written.
   *
   * @throws IllegalArgumentException if the name is taken, reserved or not Unicode, or the shape is
   *     negative, too large, or of more than 64 dimensions
   */
  public SafetensorsWriter add(
      String name, ElementType type, List<Long> shape, TensorContent content) {
    requireUnicode("tensor name", name);
    if (name.equals(HeaderParser.METADATA_KEY)) {
      throw new IllegalArgumentException("tensor name " + quoted(name) + " is reserved");
    }
    if (shape.size() > HeaderParser.MAX_DIMENSIONS) {
      throw new IllegalArgumentException(
          "tensor %s: %d dimensions, at most %d are allowed"
              .formatted(quoted(name), shape.size(), HeaderParser.MAX_DIMENSIONS));
    }
    long byteSize = StoredTensor.byteSize(type, shape);
    Item item = new Item(name, type, List.copyOf(shape), byteSize, content);
    if (items.putIfAbsent(name, item) != null) {
      throw new IllegalArgumentException("two tensors named " + quoted(name));
    }
    return this;
  }

  /**
   * Writes all tensors, replacing a file of this name.
   *
   * @throws IOException if writing fails, or a content gives more or fewer bytes than its shape
   *     asks for; the file is then as it was before
   * @throws IllegalStateException if the names make the header longer than 100 MB
   */
  public void write(Path file) throws IOException {
    List<Item> ordered = new ArrayList<>(items.values());
    ordered.sort(Comparator.comparing(Item::type).reversed());
    byte[] header = header(metadata, ordered, alignment);
    Path target = file.toAbsolutePath();
    Path unfinished = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID());
    try {
      try (FileChannel channel =
          FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        writeFully(ByteBuffer.wrap(header), channel);
        for (Item item : ordered) {
          writeItem(item, channel);
        }
        channel.force(true);
      }
      Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private static byte[] header(Map<String, String> metadata, List<Item> ordered, int alignment) {
    List<TensorEntry> entries = new ArrayList<>(ordered.size());
    long begin = 0;
    for (Item item : ordered) {
      long end = Math.addExact(begin, item.byteSize());
      entries.add(new TensorEntry(item.name(), item.type(), item.shape(), begin, end));
      begin = end;
    }
    return HeaderEncoder.encode(metadata, entries, alignment);
  }

  private static void writeItem(Item item, FileChannel file) throws IOException {
    long start = file.position();
    item.content().writeTo(new BoundedChannel(item.name(), item.byteSize(), file));
    long written = file.position() - start;
    if (written != item.byteSize()) {
      throw new IOException(
          "tensor %s: expected %d bytes of content, found %d"
              .formatted(quoted(item.name()), item.byteSize(), written));
    }
  }

  private static void writeSegment(MemorySegment data, WritableByteChannel target)
      throws IOException {
    // By way of one buffer: an array-backed segment of floats or longs has no byte buffer of its
    // own.
    ByteBuffer chunk = ByteBuffer.allocateDirect((int) Math.min(CHUNK_BYTES, data.byteSize()));
    for (long offset = 0; offset < data.byteSize(); offset += chunk.limit()) {
      int byteSize = (int) Math.min(chunk.capacity(), data.byteSize() - offset);
      chunk.clear().limit(byteSize);
      MemorySegment.ofBuffer(chunk).copyFrom(data.asSlice(offset, byteSize));
      writeFully(chunk, target);
    }
  }

  private static void writeFully(ByteBuffer bytes, WritableByteChannel target) throws IOException {
    while (bytes.hasRemaining()) {
      target.write(bytes);
    }
  }

  private static void requireUnicode(String what, String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException(what + " " + quoted(text) + " has a lone surrogate");
    }
  }

  /** Keeps a content from writing past its own tensor, and from closing the file. */
  private static final class BoundedChannel implements WritableByteChannel {
    private final String tensor;
    private final long byteSize;
    private final FileChannel file;
    private long written;

    BoundedChannel(String tensor, long byteSize, FileChannel file) {
      this.tensor = tensor;
      this.byteSize = byteSize;
      this.file = file;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      if (source.remaining() > byteSize - written) {
        throw new IOException(
            "tensor %s: expected %d bytes of content, found more"
                .formatted(quoted(tensor), byteSize));
      }
      int count = file.write(source);
      written += count;
      return count;
    }

    @Override
    public boolean isOpen() {
      return file.isOpen();
    }

    @Override
    public void close() {}
  }
}
