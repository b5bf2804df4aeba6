package io.vquant.engine.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What the disk has of a file on its way: {@code NAME.part} grows, over several pulls if need be,
 * is checked against the sum, and becomes {@code NAME}. {@code NAME.etag} says which version a part
 * is of. What the disk refuses is a {@link HubException} that says so: trying again does not help.
 */
final class PartFile {
  private static final int BUFFER_BYTES = 1 << 17;

  private final PullContext pull;
  private final String what;
  private final HubFile file;
  private final Path target;
  private final Path part;
  private final Path etagFile;

  /** Bytes in the part, told to the pull. */
  private final AtomicLong done = new AtomicLong();

  private @Nullable MessageDigest digest;

  /**
   * The part of a file in a folder.
   *
   * @param what names the file in messages
   */
  PartFile(PullContext pull, String what, HubFile file, Path folder) {
    this.pull = pull;
    this.what = what;
    this.file = file;
    target = folder.resolve(file.name());
    part = target.resolveSibling(target.getFileName() + ".part");
    etagFile = target.resolveSibling(target.getFileName() + ".etag");
  }

  /**
   * Looks at what is there, and goes on from it.
   *
   * @return whether the file is there, whole and checked
   */
  boolean begin() {
    try {
      Files.createDirectories(target.getParent());
      if (Files.exists(target)) {
        advance(Files.size(target));
        return true;
      }
      begin(Files.exists(part) ? Files.size(part) : 0);
      return false;
    } catch (IOException e) {
      throw disk(e);
    }
  }

  /** Takes the first bytes of the part as they are, whoever wrote them: the sum will tell. */
  private void begin(long byteSize) throws IOException {
    long start = file.byteSize() >= 0 && byteSize > file.byteSize() ? 0 : byteSize;
    advance(start - done.get());
    digest = file.hasSum() ? file.newDigest(file.byteSize()) : null;
    if (digest == null || start == 0) {
      return;
    }
    try (InputStream stream = Files.newInputStream(part)) {
      byte[] buffer = new byte[BUFFER_BYTES];
      long left = start;
      while (left > 0) {
        int count = stream.read(buffer, 0, (int) Math.min(left, buffer.length));
        if (count < 0) {
          throw new IOException("it became shorter while it was read");
        }
        digest.update(buffer, 0, count);
        left -= count;
        pull.patience().check();
      }
    }
  }

  private void advance(long bytes) {
    done.addAndGet(bytes);
    pull.present().accept(bytes);
  }

  /** Bytes that are there. */
  long byteSize() {
    return done.get();
  }

  /** Whether it has the size that the hub lists. */
  boolean hasAll() {
    return file.byteSize() >= 0 && done.get() == file.byteSize() && Files.exists(part);
  }

  /** Throws away what is there. */
  void restart() {
    try {
      Files.deleteIfExists(part);
      Files.deleteIfExists(etagFile);
      begin(0);
    } catch (IOException e) {
      throw disk(e);
    }
  }

  /** The tag of the version that the part is of, if it is known. */
  Optional<String> version() throws IOException {
    return Files.exists(etagFile)
        ? Optional.of(Files.readString(etagFile, StandardCharsets.US_ASCII))
        : Optional.empty();
  }

  /** Keeps a version's tag. Only a strong tag says that bytes are the same. */
  void rememberVersion(String etag) {
    try {
      if (etag.matches("\"[!#-~]{1,200}\"")) {
        Files.writeString(etagFile, etag, StandardCharsets.US_ASCII);
      } else {
        Files.deleteIfExists(etagFile);
      }
    } catch (IOException e) {
      throw disk(e);
    }
  }

  /** Where the next bytes go, by {@link #write}. */
  PartSink openEnd() {
    try {
      return pull.sinks().open(part, done.get());
    } catch (IOException e) {
      throw disk(e);
    }
  }

  void write(PartSink end, ByteBuffer bytes) {
    int count = bytes.remaining();
    if (digest != null) {
      digest.update(bytes.duplicate());
    }
    try {
      end.write(bytes);
    } catch (IOException e) {
      throw disk(e);
    }
    advance(count);
    pull.fetched().accept(count);
  }

  void sync(PartSink end) {
    try {
      end.sync();
    } catch (IOException e) {
      throw disk(e);
    }
  }

  /** Gives the whole file its name; one with another sum than the hub lists is thrown away. */
  void finish() {
    if (digest != null) {
      String sum = file.sumOf(digest);
      if (!sum.equals(file.statedSum())) {
        restart();
        throw new HubException(
            "%s: %s, expected %s, which the hub lists; it is thrown away"
                .formatted(what, sum, file.statedSum()));
      }
    }
    try {
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
      Files.deleteIfExists(etagFile);
    } catch (IOException e) {
      throw disk(e);
    }
  }

  private HubException disk(IOException e) {
    String reason = e.getMessage() == null ? e.toString() : e.getMessage();
    return new HubException(
        part + ": cannot be written: " + reason + "; what has come stays, the same command goes on",
        e);
  }
}
