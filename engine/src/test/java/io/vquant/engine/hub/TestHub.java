package io.vquant.engine.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import tools.jackson.databind.json.JsonMapper;

/** A hub on the loopback device, with one model, and with faults that a test asks for. */
public final class TestHub implements AutoCloseable {
  public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  public static final String MODEL = "org/tiny";
  static final String SHARD_1 = "model-00001-of-00002.safetensors";
  static final String SHARD_2 = "model-00002-of-00002.safetensors";

  /** What a fault does in place of an answer; false lets the answer follow. */
  public interface Fault {
    boolean answer(HttpExchange exchange) throws IOException;
  }

  /** One request as it came. */
  public record Request(String path, Map<String, String> headers) {}

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, byte[]> files = new ConcurrentHashMap<>();
  private final Map<String, Map<String, Object>> listing = new TreeMap<>();
  private final Map<String, Fault> faults = new ConcurrentHashMap<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private volatile String commit = COMMIT;

  public TestHub() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** A hub with a model of two shards and much that is not needed. */
  static TestHub withModel() {
    TestHub hub = new TestHub();
    hub.small("config.json", "{\"model_type\":\"llama\"}");
    hub.small("generation_config.json", "{}");
    hub.small("tokenizer_config.json", "{}");
    hub.large("tokenizer.json", bytes(5000, 1));
    hub.small("chat_template.jinja", "{{ messages }}");
    hub.small(
        "model.safetensors.index.json",
        "{\"weight_map\":{\"a\":\"" + SHARD_1 + "\",\"b\":\"" + SHARD_2 + "\"}}");
    hub.large(SHARD_1, bytes(3_000_000, 2));
    hub.large(SHARD_2, bytes(2_000_000, 3));
    hub.large("pytorch_model.bin", bytes(1000, 4));
    hub.large("onnx/model.onnx", bytes(1000, 5));
    hub.large("consolidated.safetensors", bytes(1000, 6));
    hub.small("README.md", "# hello");
    return hub;
  }

  static byte[] bytes(int length, long seed) {
    byte[] bytes = new byte[length];
    new java.util.Random(seed).nextBytes(bytes);
    return bytes;
  }

  public String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Adds a file with a git blob id. */
  public void small(String name, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    files.put(name, bytes);
    byte[] header = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
    list(name, bytes.length).put("blobId", sum("SHA-1", header, bytes));
  }

  /** Adds a file in large-file storage. */
  public void large(String name, byte[] bytes) {
    files.put(name, bytes);
    list(name, bytes.length)
        .put(
            "lfs",
            new LinkedHashMap<>(
                Map.of("sha256", sum("SHA-256", bytes), "size", bytes.length, "pointerSize", 130)));
  }

  /** How a file is listed; to be changed. */
  Map<String, Object> list(String name, long size) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("rfilename", name);
    entry.put("size", size);
    listing.put(name, entry);
    return entry;
  }

  byte[] content(String name) {
    return files.get(name);
  }

  void remove(String name) {
    files.remove(name);
    listing.remove(name);
  }

  void commit(String value) {
    commit = value;
  }

  /** Has something else happen to requests whose path ends so. */
  public void fault(String pathEnd, Fault fault) {
    faults.put(pathEnd, fault);
  }

  /** Has the connection break after so many bytes of a file, each time. */
  void alwaysCut(String name, int bytes) {
    fault(
        name,
        exchange -> {
          cut(exchange, content(name), bytes);
          return true;
        });
  }

  /** Sends requests whose path ends so elsewhere. */
  void redirect(String pathEnd, String to) {
    fault(
        pathEnd,
        exchange -> {
          exchange.getResponseHeaders().set("Location", to);
          send(exchange, 302, new byte[0]);
          return true;
        });
  }

  void noFaults() {
    faults.clear();
  }

  List<Request> requests() {
    return requests;
  }

  /** Paths asked for, in order. */
  public List<String> paths() {
    return new ArrayList<>(requests.stream().map(Request::path).toList());
  }

  private void handle(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, values.getFirst()));
    requests.add(new Request(path, headers));
    try (exchange) {
      for (Map.Entry<String, Fault> fault : faults.entrySet()) {
        if (path.endsWith(fault.getKey()) && fault.getValue().answer(exchange)) {
          return;
        }
      }
      if (path.startsWith("/api/models/" + MODEL + "/revision/")) {
        Map<String, Object> model = new LinkedHashMap<>();
        model.put("sha", commit);
        model.put("siblings", new ArrayList<>(listing.values()));
        send(exchange, 200, JsonMapper.shared().writeValueAsBytes(model));
        return;
      }
      String prefix = "/" + MODEL + "/resolve/" + commit + "/";
      byte[] content = path.startsWith(prefix) ? files.get(path.substring(prefix.length())) : null;
      if (content == null) {
        send(exchange, 404, new byte[0]);
      } else {
        sendFile(exchange, content);
      }
    }
  }

  /** Answers with a file, from where the request wants it. */
  static void sendFile(HttpExchange exchange, byte[] content) throws IOException {
    String tag = "\"" + sum("SHA-256", content).substring(0, 20) + "\"";
    exchange.getResponseHeaders().set("ETag", tag);
    String range = exchange.getRequestHeaders().getFirst("Range");
    String condition = exchange.getRequestHeaders().getFirst("If-Range");
    if (range == null || (condition != null && !condition.equals(tag))) {
      send(exchange, 200, content);
      return;
    }
    int from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
    if (from >= content.length) {
      send(exchange, 416, new byte[0]);
      return;
    }
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes %d-%d/%d".formatted(from, content.length - 1, content.length));
    byte[] rest = java.util.Arrays.copyOfRange(content, from, content.length);
    send(exchange, 206, rest);
  }

  static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(body);
      }
    }
  }

  /** Promises a whole body and breaks the connection after a part of it. */
  static void cut(HttpExchange exchange, byte[] content, int bytes) throws IOException {
    exchange
        .getResponseHeaders()
        .set("ETag", "\"" + sum("SHA-256", content).substring(0, 20) + "\"");
    exchange.sendResponseHeaders(200, content.length);
    exchange.getResponseBody().write(content, 0, bytes);
    exchange.getResponseBody().flush();
    throw new IOException("cut by the test");
  }

  static String sum(String algorithm, byte[]... parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance(algorithm);
      for (byte[] part : parts) {
        digest.update(part);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
