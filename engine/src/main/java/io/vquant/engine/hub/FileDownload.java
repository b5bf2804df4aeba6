package io.vquant.engine.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One file on its way: {@code NAME.part} grows, over several connections and several pulls if need
 * be, is checked against size and sum, and becomes {@code NAME}. {@code NAME.etag} says which
 * version a part is of.
 */
final class FileDownload {
  private static final int BUFFER_BYTES = 1 << 17;
  private static final Pattern RANGE =
      Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

  private final PullContext pull;
  private final HubModel model;
  private final HubFile file;
  private final Path target;
  private final Path part;
  private final Path etagFile;

  /** Bytes in the part, told to the pull. */
  private final AtomicLong done = new AtomicLong();

  private @Nullable MessageDigest digest;

  FileDownload(PullContext pull, HubModel model, HubFile file, Path folder) {
    this.pull = pull;
    this.model = model;
    this.file = file;
    target = folder.resolve(file.name());
    part = target.resolveSibling(target.getFileName() + ".part");
    etagFile = target.resolveSibling(target.getFileName() + ".etag");
  }

  /**
   * Fetches the file unless it is there.
   *
   * @throws HubException if it cannot be had whole and right
   */
  void run() {
    try {
      Files.createDirectories(target.getParent());
      if (Files.exists(target)) {
        advance(Files.size(target));
        return;
      }
      begin(Files.exists(part) ? Files.size(part) : 0);
    } catch (IOException e) {
      throw disk(e);
    }
    pull.patience().attempt(what(), done::get, this::fetch);
    finish();
  }

  private String what() {
    return model.name() + ", " + file.name();
  }

  private HubException disk(IOException e) {
    String reason = e.getMessage() == null ? e.toString() : e.getMessage();
    return new HubException(
        part + ": cannot be written: " + reason + "; what has come stays, the same command goes on",
        e);
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

  /** One connection: brings the rest of the file, or as much of it as comes. */
  private boolean fetch() throws IOException {
    if (file.byteSize() >= 0 && done.get() == file.byteSize() && Files.exists(part)) {
      return true;
    }
    HttpResponse<InputStream> response = pull.hub().get(what(), model.path(file), headers());
    try (InputStream body = response.body()) {
      if (response.statusCode() == 416) {
        restart();
        throw new TransientFailure("the hub no longer has what was begun", Optional.empty());
      }
      if (response.statusCode() == 206) {
        requireRange(response);
      } else if (done.get() > 0) {
        restart();
      }
      requireLength(response);
      rememberVersion(response);
      copy(body);
    }
    return true;
  }

  private Map<String, String> headers() throws IOException {
    Map<String, String> headers = new HashMap<>();
    if (done.get() > 0) {
      headers.put("Range", "bytes=" + done.get() + "-");
      if (Files.exists(etagFile)) {
        headers.put("If-Range", Files.readString(etagFile, StandardCharsets.US_ASCII));
      }
    }
    return headers;
  }

  private void restart() {
    try {
      Files.deleteIfExists(part);
      Files.deleteIfExists(etagFile);
      begin(0);
    } catch (IOException e) {
      throw disk(e);
    }
  }

  private void requireRange(HttpResponse<InputStream> response) {
    String range = response.headers().firstValue("Content-Range").orElse("none");
    Matcher matcher = RANGE.matcher(range);
    boolean right =
        matcher.matches()
            && Long.parseLong(matcher.group(1)) == done.get()
            && (file.byteSize() < 0
                || matcher.group(3).equals("*")
                || Long.parseLong(matcher.group(3)) == file.byteSize());
    if (!right) {
      throw new HubException(
          what()
              + ": the hub sends bytes '"
              + range
              + "', expected those from "
              + done.get()
              + (file.byteSize() < 0 ? " on" : " on, of " + file.byteSize()));
    }
  }

  private void requireLength(HttpResponse<InputStream> response) {
    long length = response.headers().firstValueAsLong("Content-Length").orElse(-1);
    if (length >= 0 && file.byteSize() >= 0 && done.get() + length != file.byteSize()) {
      throw new HubException(
          what()
              + ": the hub lists "
              + file.byteSize()
              + " bytes and is about to send "
              + (done.get() + length));
    }
  }

  /** Only a strong tag says that bytes are the same. */
  private void rememberVersion(HttpResponse<InputStream> response) {
    String etag = response.headers().firstValue("ETag").orElse("");
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

  private void copy(InputStream body) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    PartSink sink = open();
    try (sink) {
      pull.stalls().alive(body);
      int count;
      while ((count = body.read(buffer)) >= 0) {
        pull.patience().check();
        pull.stalls().alive(body);
        if (file.byteSize() >= 0 && done.get() + count > file.byteSize()) {
          restart();
          throw new HubException(
              what() + ": the hub sends more than the " + file.byteSize() + " bytes it lists");
        }
        write(sink, ByteBuffer.wrap(buffer, 0, count));
      }
      sync(sink);
    } finally {
      pull.stalls().forget(body);
    }
    if (file.byteSize() >= 0 && done.get() < file.byteSize()) {
      throw new IOException("after " + done.get() + " of " + file.byteSize() + " bytes");
    }
  }

  private PartSink open() {
    try {
      return pull.sinks().open(part, done.get());
    } catch (IOException e) {
      throw disk(e);
    }
  }

  private void write(PartSink sink, ByteBuffer bytes) {
    int count = bytes.remaining();
    if (digest != null) {
      digest.update(bytes.duplicate());
    }
    try {
      sink.write(bytes);
    } catch (IOException e) {
      throw disk(e);
    }
    advance(count);
    pull.fetched().accept(count);
  }

  private void sync(PartSink sink) {
    try {
      sink.sync();
    } catch (IOException e) {
      throw disk(e);
    }
  }

  private void finish() {
    if (digest != null) {
      String sum = file.sumOf(digest);
      if (!sum.equals(file.statedSum())) {
        restart();
        throw new HubException(
            what()
                + ": "
                + sum
                + ", expected "
                + file.statedSum()
                + ", which the hub lists; it is"
                + " thrown away");
      }
    }
    try {
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
      Files.deleteIfExists(etagFile);
    } catch (IOException e) {
      throw disk(e);
    }
  }
}
