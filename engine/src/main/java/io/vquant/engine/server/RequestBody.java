package io.vquant.engine.server;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/** Reads bodies within limits: one's size, and the memory of all that are being read. */
final class RequestBody {
  /** Most bytes of one body. */
  static final int MAX_BYTES = 8 << 20;

  private static final long MAX_BYTES_OF_ALL = 8L * MAX_BYTES;

  /** A client that is still sending reads no answer, so what is too large is read and dropped. */
  private static final long MAX_DRAINED_BYTES = 256L << 20;

  private final AtomicLong bytesOfAll = new AtomicLong();

  /** Does something with a body. */
  @FunctionalInterface
  interface Use<T> {
    T apply(byte[] body);
  }

  /**
   * Reads a body and lets it be used; its memory counts until then.
   *
   * @throws ApiFailure if it is too large, or too many others are being read
   * @throws IOException if the client is gone
   */
  <T> T read(HttpExchange exchange, Use<T> use) throws IOException {
    long declared = declaredBytes(exchange);
    InputStream in = exchange.getRequestBody();
    if (declared > MAX_BYTES) {
      throw tooLarge(in);
    }
    long reserved = declared < 0 ? MAX_BYTES : declared;
    if (bytesOfAll.addAndGet(reserved) > MAX_BYTES_OF_ALL) {
      bytesOfAll.addAndGet(-reserved);
      throw ApiFailure.unavailable("too many large requests at once: try again later");
    }
    try {
      byte[] body = in.readNBytes(MAX_BYTES + 1);
      if (body.length > MAX_BYTES) {
        Arrays.fill(body, (byte) 0);
        throw tooLarge(in);
      }
      return use.apply(body);
    } finally {
      bytesOfAll.addAndGet(-reserved);
    }
  }

  private static long declaredBytes(HttpExchange exchange) {
    String length = exchange.getRequestHeaders().getFirst("Content-Length");
    try {
      return length == null ? -1 : Long.parseLong(length.strip());
    } catch (NumberFormatException e) {
      throw ApiFailure.badBody("Content-Length: '" + length + "' is not a number");
    }
  }

  private static ApiFailure tooLarge(InputStream in) throws IOException {
    byte[] dropped = new byte[64 << 10];
    long left = MAX_DRAINED_BYTES;
    while (left > 0) {
      int count = in.read(dropped);
      if (count < 0) {
        break;
      }
      left -= count;
    }
    return ApiFailure.tooLarge("body: larger than " + MAX_BYTES + " bytes");
  }
}
