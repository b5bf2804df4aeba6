package io.vquant.engine.runtime;

import io.vquant.engine.BadSnapshotException;
import io.vquant.kernels.kvcache.PagedKvCache;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * A KV cache and its tokens in a file. After eight letters and the version come sections, each with
 * a checksum ({@link SnapshotWriter}): what the cache was made with, the tokens, the state of the
 * cache piece by piece (a page a section), an end.
 *
 * @param tokenIds the sequence; the cache holds the first of them
 * @param cache read from the file, owned by whoever asked for it
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record CacheSnapshot(int[] tokenIds, PagedKvCache cache) {
  private static final byte[] MAGIC = "VQKVSNAP".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] END = "end".getBytes(StandardCharsets.US_ASCII);
  private static final int VERSION = 1;
  private static final int MOST_ORIGIN_BYTES = 1 << 16;

  /**
   * Writes a file; what was there stays until the new one is complete.
   *
   * @param origin what the cache was made with, by name
   */
  public static void write(
      Path file, SortedMap<String, String> origin, int[] tokenIds, PagedKvCache cache)
      throws IOException {
    Path part = file.resolveSibling(file.getFileName() + ".part" + ProcessHandle.current().pid());
    try {
      try (FileChannel channel =
              FileChannel.open(
                  part,
                  StandardOpenOption.CREATE,
                  StandardOpenOption.TRUNCATE_EXISTING,
                  StandardOpenOption.WRITE);
          DataOutputStream out =
              new DataOutputStream(
                  new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16))) {
        out.write(MAGIC);
        out.writeInt(VERSION);
        SnapshotWriter writer = new SnapshotWriter(out);
        writer.bytes(text(origin).getBytes(StandardCharsets.UTF_8));
        writer.number("tokens", tokenIds.length, 0, Integer.MAX_VALUE);
        writer.ints(tokenIds, tokenIds.length);
        cache.transfer(writer);
        writer.bytes(END);
        out.flush();
        channel.force(true);
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static String text(SortedMap<String, String> origin) {
    StringBuilder text = new StringBuilder();
    origin.forEach((name, value) -> text.append(name).append('=').append(value).append('\n'));
    return text.toString();
  }

  /**
   * Reads a file whole and checks it, before anyone sees anything of it.
   *
   * @param origin what it must have been made with
   * @param contextLength most tokens
   * @param caches makes an empty cache
   * @throws BadSnapshotException if it is damaged, or of another origin; names the first difference
   * @throws IOException if it cannot be read
   */
  public static CacheSnapshot read(
      Path file, SortedMap<String, String> origin, int contextLength, Supplier<PagedKvCache> caches)
      throws IOException {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
      requireKind(in);
      SnapshotReader reader = new SnapshotReader(in);
      byte[] made = reader.bytes(0, MOST_ORIGIN_BYTES);
      requireOrigin(new String(made, StandardCharsets.UTF_8), origin);
      int[] tokenIds = new int[reader.number("tokens", 0, 0, contextLength)];
      reader.ints(tokenIds, tokenIds.length);
      PagedKvCache cache = caches.get();
      try {
        cache.transfer(reader);
        reader.bytes(END.length, END.length);
        if (in.read() >= 0 || cache.length() > tokenIds.length) {
          throw new IllegalArgumentException("more than belongs to it");
        }
        return new CacheSnapshot(tokenIds, cache);
      } catch (RuntimeException | IOException e) {
        cache.close();
        throw e;
      }
    } catch (IllegalArgumentException e) {
      throw new BadSnapshotException(file + ": " + e.getMessage(), e);
    } catch (EOFException e) {
      throw new BadSnapshotException(file + ": ends early", e);
    } catch (UncheckedIOException e) {
      if (e.getCause() instanceof EOFException) {
        throw new BadSnapshotException(file + ": ends early", e);
      }
      throw e.getCause();
    }
  }

  private static void requireKind(DataInputStream in) throws IOException {
    byte[] magic = in.readNBytes(MAGIC.length);
    if (!java.util.Arrays.equals(magic, MAGIC)) {
      throw new IllegalArgumentException("not a snapshot of a KV cache");
    }
    int version = in.readInt();
    if (version != VERSION) {
      throw new IllegalArgumentException("version " + version + ", expected " + VERSION);
    }
  }

  private static void requireOrigin(String made, SortedMap<String, String> origin) {
    SortedMap<String, String> found = new TreeMap<>();
    for (String line : made.lines().toList()) {
      int at = line.indexOf('=');
      found.put(at < 0 ? line : line.substring(0, at), line.substring(at + 1));
    }
    for (Map.Entry<String, String> expected : origin.entrySet()) {
      String value = found.getOrDefault(expected.getKey(), "nothing");
      if (!value.equals(expected.getValue())) {
        throw new IllegalArgumentException(
            "made with " + expected.getKey() + " " + value + ", expected " + expected.getValue());
      }
    }
  }
}
