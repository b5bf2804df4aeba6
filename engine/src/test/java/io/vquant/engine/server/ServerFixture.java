package io.vquant.engine.server;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineOptions;
import io.vquant.engine.batching.BatchCounters;
import io.vquant.engine.batching.BatchOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server with the small model on a free port of this machine, and a client. */
final class ServerFixture implements AutoCloseable {
  static final String MODEL = "vquant-tiny";

  final Engine engine;
  final ApiServer server;
  final HttpClient client = HttpClient.newHttpClient();

  ServerFixture(int slots, int queue, @Nullable String key) {
    this(slots, queue, key, 1024);
  }

  ServerFixture(int slots, int queue, @Nullable String key, int context) {
    this(modelFolder(), slots, queue, key, context);
  }

  ServerFixture(Path folder, int slots, int queue, @Nullable String key, int context) {
    this(folder, slots, queue, key, context, Duration.ofSeconds(30));
  }

  ServerFixture(
      Path folder,
      int slots,
      int queue,
      @Nullable String key,
      int context,
      Duration readerPatience) {
    Path nativeCache = Path.of("target", "test-models", "native").toAbsolutePath();
    engine =
        Engine.open(
            EngineOptions.of(folder, nativeCache).withThreads(2).withContextLength(context));
    long one = engine.memoryPlan().cacheByteSize() + engine.memoryPlan().scratchByteSize();
    BatchOptions batch = new BatchOptions(slots, queue, one * (slots + 1), one);
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    try {
      server =
          ApiServer.start(
              new ServerOptions(address, key, batch, readerPatience), engine, folder, MODEL);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path modelFolder() {
    String shared = System.getProperty("vquant.test.shared");
    assumeTrue(shared != null && Files.isDirectory(Path.of(shared)), "no shared test data");
    return Path.of(shared).resolve("models/vquant-tiny");
  }

  int port() {
    return server.address().getPort();
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port() + path);
  }

  HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(uri(path))
        .timeout(Duration.ofSeconds(60))
        .header("Content-Type", "application/json");
  }

  HttpResponse<String> get(String path) throws Exception {
    return client.send(request(path).GET().build(), HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> post(String path, String body) throws Exception {
    return post(path, body.getBytes(StandardCharsets.UTF_8));
  }

  HttpResponse<String> post(String path, byte[] body) throws Exception {
    return client.send(
        request(path).POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  JsonNode chat(String fields) throws Exception {
    return ok(post("/v1/chat/completions", "{" + fields + "}"));
  }

  JsonNode complete(String fields) throws Exception {
    return ok(post("/v1/completions", "{" + fields + "}"));
  }

  static JsonNode ok(HttpResponse<String> response) {
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + ": " + response.body());
    }
    return json(response.body());
  }

  static JsonNode json(String text) {
    return JsonMapper.shared().readTree(text);
  }

  /** The events of a stream, the last of which says that it is done. */
  List<JsonNode> stream(String path, String fields) throws Exception {
    HttpResponse<String> response = post(path, "{\"stream\": true, " + fields + "}");
    if (response.statusCode() != 200) {
      throw new AssertionError(response.statusCode() + ": " + response.body());
    }
    List<JsonNode> events = new ArrayList<>();
    List<String> data = response.body().lines().filter(line -> line.startsWith("data: ")).toList();
    if (!data.getLast().equals("data: [DONE]")) {
      throw new AssertionError("the stream ends with " + data.getLast());
    }
    data.subList(0, data.size() - 1).forEach(line -> events.add(json(line.substring(6))));
    return events;
  }

  static String messages(String text) {
    return "\"messages\": [{\"role\": \"user\", \"content\": " + quoted(text) + "}]";
  }

  static String quoted(String text) {
    return JsonMapper.shared().writeValueAsString(text);
  }

  /** Waits until nothing runs or waits. */
  BatchCounters idle() throws InterruptedException {
    for (int i = 0; i < 1000; i++) {
      BatchCounters counters = server.counters();
      if (counters.running() == 0
          && counters.waiting() == 0
          && counters.cacheByteSize() == counters.prefixByteSize()) {
        return counters;
      }
      Thread.sleep(10);
    }
    throw new AssertionError("still busy: " + server.counters());
  }

  @Override
  public void close() {
    client.close();
    server.close();
    engine.close();
  }
}
