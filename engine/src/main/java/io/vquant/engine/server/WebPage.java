package io.vquant.engine.server;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;
import java.util.Optional;

/** The files of the page to chat from a browser, which are resources of the jar. */
final class WebPage {
  private static final Map<String, String> FILES =
      Map.of(
          "/", "index.html",
          "/web/chat.css", "chat.css",
          "/web/chat.js", "chat.js",
          "/web/icon.svg", "icon.svg");

  /** Nothing from elsewhere, no inline script. */
  static final String CONTENT_SECURITY_POLICY =
      "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none';"
          + " frame-ancestors 'none'";

  private WebPage() {}

  /** A file's content. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Content(String type, byte[] bytes) {}

  /** The file at a path, if there is one. */
  static Optional<Content> at(String path) throws IOException {
    String name = FILES.get(path);
    if (name == null) {
      return Optional.empty();
    }
    try (InputStream in = WebPage.class.getResourceAsStream("web/" + name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks web/" + name);
      }
      return Optional.of(new Content(type(name), in.readAllBytes()));
    }
  }

  private static String type(String name) {
    String kind = name.substring(name.indexOf('.') + 1);
    return switch (kind) {
      case "css" -> "text/css; charset=utf-8";
      case "js" -> "text/javascript; charset=utf-8";
      case "svg" -> "image/svg+xml; charset=utf-8";
      default -> "text/html; charset=utf-8";
    };
  }
}
