package io.vquant.engine.server;

import com.sun.net.httpserver.HttpExchange;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;

/**
 * Who may ask. Beside the key: a page of another site, open in a browser of this machine, must not
 * reach a server that listens on loopback, neither by a request across origins nor by a host name
 * that was made to point here (DNS rebinding).
 */
final class RequestGuard {
  private static final String SCHEME = "Bearer ";

  private final byte @Nullable [] key;
  private final boolean loopback;

  RequestGuard(@Nullable String apiKey, boolean loopback) {
    key = apiKey == null ? null : apiKey.getBytes(StandardCharsets.UTF_8);
    this.loopback = loopback;
  }

  /**
   * Lets a request pass.
   *
   * @throws ApiFailure if it must not
   */
  void check(HttpExchange exchange) {
    String host = exchange.getRequestHeaders().getFirst("Host");
    String origin = exchange.getRequestHeaders().getFirst("Origin");
    if (loopback && host != null && !isLocal(host)) {
      throw ApiFailure.forbidden("Host: '" + host + "' is not a name of this machine");
    }
    if (origin != null && !origin.equals("http://" + host) && !origin.equals("https://" + host)) {
      throw ApiFailure.forbidden("Origin: '" + origin + "' is another site");
    }
    String path = exchange.getRequestURI().getPath();
    boolean open = path.equals("/") || path.startsWith("/web/") || path.equals("/health");
    if (key != null && !open && !hasKey(exchange, key)) {
      throw ApiFailure.unauthorized();
    }
  }

  private static boolean isLocal(String host) {
    String name = host.replaceFirst(":[0-9]*$", "");
    return name.equals("localhost")
        || name.endsWith(".localhost")
        || name.startsWith("[")
        || name.matches("[0-9.]+");
  }

  private static boolean hasKey(HttpExchange exchange, byte[] key) {
    String sent = exchange.getRequestHeaders().getFirst("Authorization");
    return sent != null
        && sent.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
        && MessageDigest.isEqual(
            key, sent.substring(SCHEME.length()).strip().getBytes(StandardCharsets.UTF_8));
  }
}
