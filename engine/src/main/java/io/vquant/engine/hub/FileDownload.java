package io.vquant.engine.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One file on its way from the hub, over several connections if need be. */
final class FileDownload {
  private static final int BUFFER_BYTES = 1 << 17;
  private static final Pattern RANGE =
      Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

  private final PullContext pull;
  private final HubModel model;
  private final HubFile file;
  private final PartFile part;

  FileDownload(PullContext pull, HubModel model, HubFile file, Path folder) {
    this.pull = pull;
    this.model = model;
    this.file = file;
    part = new PartFile(pull, what(), file, folder);
  }

  /**
   * Fetches the file unless it is there.
   *
   * @throws HubException if it cannot be had whole and right
   */
  void run() {
    if (part.begin()) {
      return;
    }
    pull.patience().attempt(what(), part::byteSize, this::fetch);
    part.finish();
  }

  private String what() {
    return model.name() + ", " + file.name();
  }

  /** One connection: brings the rest of the file, or as much of it as comes. */
  private boolean fetch() throws IOException {
    if (part.hasAll()) {
      return true;
    }
    HttpResponse<InputStream> response = pull.hub().get(what(), model.path(file), headers());
    try (InputStream body = response.body()) {
      if (response.statusCode() == 416) {
        part.restart();
        throw new TransientFailure("the hub no longer has what was begun", Optional.empty());
      }
      if (response.statusCode() == 206) {
        requireRange(response);
      } else if (part.byteSize() > 0) {
        part.restart();
      }
      requireLength(response);
      part.rememberVersion(response.headers().firstValue("ETag").orElse(""));
      copy(body);
    }
    return true;
  }

  private Map<String, String> headers() throws IOException {
    Map<String, String> headers = new HashMap<>();
    if (part.byteSize() > 0) {
      headers.put("Range", "bytes=" + part.byteSize() + "-");
      part.version().ifPresent(version -> headers.put("If-Range", version));
    }
    return headers;
  }

  private void requireRange(HttpResponse<InputStream> response) {
    String range = response.headers().firstValue("Content-Range").orElse("none");
    Matcher matcher = RANGE.matcher(range);
    boolean right =
        matcher.matches()
            && Long.parseLong(matcher.group(1)) == part.byteSize()
            && (file.byteSize() < 0
                || matcher.group(3).equals("*")
                || Long.parseLong(matcher.group(3)) == file.byteSize());
    if (!right) {
      throw new HubException(
          what()
              + ": the hub sends bytes '"
              + range
              + "', expected those from "
              + part.byteSize()
              + (file.byteSize() < 0 ? " on" : " on, of " + file.byteSize()));
    }
  }

  private void requireLength(HttpResponse<InputStream> response) {
    long length = response.headers().firstValueAsLong("Content-Length").orElse(-1);
    if (length >= 0 && file.byteSize() >= 0 && part.byteSize() + length != file.byteSize()) {
      throw new HubException(
          what()
              + ": the hub lists "
              + file.byteSize()
              + " bytes and is about to send "
              + (part.byteSize() + length));
    }
  }

  private void copy(InputStream body) throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    PartSink end = part.openEnd();
    try (end) {
      pull.stalls().alive(body);
      int count;
      while ((count = body.read(buffer)) >= 0) {
        pull.patience().check();
        pull.stalls().alive(body);
        if (file.byteSize() >= 0 && part.byteSize() + count > file.byteSize()) {
          part.restart();
          throw new HubException(
              what() + ": the hub sends more than the " + file.byteSize() + " bytes it lists");
        }
        part.write(end, ByteBuffer.wrap(buffer, 0, count));
      }
      part.sync(end);
    } finally {
      pull.stalls().forget(body);
    }
    if (file.byteSize() >= 0 && part.byteSize() < file.byteSize()) {
      throw new IOException("after " + part.byteSize() + " of " + file.byteSize() + " bytes");
    }
  }
}
