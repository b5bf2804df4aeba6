package io.vquant.engine.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.vquant.engine.Engine;
import io.vquant.engine.batching.BatchCounters;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.tokenizer.chat.ChatTokenizer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Listens for HTTP, each request on a virtual thread of its own, and hands it to what answers. */
public final class ApiServer implements AutoCloseable {
  private static final int BACKLOG = 128;
  private static final int CLOSING_SECONDS = 1;

  private final HttpServer http;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final ServedModel model;
  private final RequestGuard guard;
  private final Duration readerPatience;
  private final RequestBody bodies = new RequestBody();
  private final ChatApi chat;
  private final CompletionApi completions;
  private final AttentionApi pictures;

  private ApiServer(
      HttpServer http, ServedModel model, RequestGuard guard, Duration readerPatience) {
    this.http = http;
    this.readerPatience = readerPatience;
    this.model = model;
    this.guard = guard;
    AnswerIds ids = new AnswerIds();
    chat = new ChatApi(model, ids);
    completions = new CompletionApi(model, ids);
    pictures = new AttentionApi(model);
  }

  /**
   * Starts a scheduler on an engine and begins to listen.
   *
   * @param engine with a tokenizer; the caller's to close, after the server
   * @param modelFolder where the chat template is
   * @param modelName that clients call the model by
   * @throws IOException if the address cannot be listened on
   * @throws io.vquant.engine.NotEnoughMemoryException if the caches would not fit
   */
  public static ApiServer start(
      ServerOptions options, Engine engine, Path modelFolder, String modelName) throws IOException {
    HttpServer http = HttpServer.create(options.address(), BACKLOG);
    BatchScheduler scheduler = null;
    try {
      ChatTokenizer chat = ChatTokenizer.of(engine.tokenizer(), modelFolder);
      scheduler = engine.newScheduler(options.batch());
      long now = System.currentTimeMillis() / 1000;
      Vocabulary vocabulary =
          new Vocabulary(
              engine.tokenizer(),
              engine.config().vocabSize(),
              Set.copyOf(engine.generationDefaults().eosTokenIds()));
      ServedModel model = new ServedModel(modelName, now, engine, chat, vocabulary, scheduler);
      boolean loopback = options.address().getAddress().isLoopbackAddress();
      RequestGuard guard = new RequestGuard(options.apiKey(), loopback);
      ApiServer server = new ApiServer(http, model, guard, options.readerPatience());
      http.setExecutor(server.threads);
      http.createContext("/", server::handle);
      http.start();
      return server;
    } catch (RuntimeException failure) {
      http.stop(0);
      if (scheduler != null) {
        scheduler.close();
      }
      throw failure;
    }
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return http.getAddress();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      try {
        guard.check(exchange);
        route(exchange);
      } catch (ApiFailure failure) {
        sendFailure(exchange, failure);
      } catch (RuntimeException bug) {
        sendFailure(exchange, ApiFailure.internal("a bug in this server: " + bug));
      } catch (OutOfMemoryError full) {
        sendFailure(exchange, ApiFailure.of(full));
      }
    } catch (IOException gone) {
      // the client is: there is nobody to tell
    }
  }

  private void route(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    switch (path) {
      case "/v1/chat/completions" -> answer(exchange, chat::read);
      case "/v1/completions" -> answer(exchange, completions::read);
      case "/v1/models" ->
          sendJson(get(exchange), Map.of("object", "list", "data", List.of(modelJson())));
      case "/health" -> health(get(exchange));
      case "/metrics" ->
          send(
              get(exchange),
              200,
              "text/plain; version=0.0.4; charset=utf-8",
              MetricsText.of(model.scheduler().counters()).getBytes(StandardCharsets.UTF_8));
      case "/attention" -> attention(exchange);
      case "/v1/embeddings", "/v1/responses" -> throw notServed(path);
      default -> {
        WebPage.Content page = WebPage.at(path).orElse(null);
        if (page != null) {
          exchange
              .getResponseHeaders()
              .set("Content-Security-Policy", WebPage.CONTENT_SECURITY_POLICY);
          exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
          send(get(exchange), 200, page.type(), page.bytes());
        } else if (path.equals("/v1/models/" + model.name())) {
          sendJson(get(exchange), modelJson());
        } else {
          throw ApiFailure.notFound("not_found", null, "there is nothing at " + path);
        }
      }
    }
  }

  /** For what OpenAI's clients also ask for. */
  private static ApiFailure notServed(String path) {
    String reason =
        path.endsWith("embeddings")
            ? "a model that generates text gives no embeddings"
            : "expected /v1/chat/completions or /v1/completions";
    return ApiFailure.notFound("not_found", null, path + " is not served here: " + reason);
  }

  private static HttpExchange get(HttpExchange exchange) {
    String method = exchange.getRequestMethod();
    if (!method.equals("GET") && !method.equals("HEAD")) {
      throw ApiFailure.methodNotAllowed(method + ": expected GET");
    }
    return exchange;
  }

  private void attention(HttpExchange exchange) throws IOException {
    post(exchange);
    byte[] picture = bodies.read(exchange, body -> pictures.draw(Json.readObject(body)));
    send(exchange, 200, "image/png", picture);
  }

  private static void post(HttpExchange exchange) {
    if (!exchange.getRequestMethod().equals("POST")) {
      throw ApiFailure.methodNotAllowed(exchange.getRequestMethod() + ": expected POST");
    }
  }

  private void answer(
      HttpExchange exchange, Function<Map<String, @Nullable Object>, AnswerShape> reader)
      throws IOException {
    post(exchange);
    AnswerShape shape = bodies.read(exchange, body -> reader.apply(Json.readObject(body)));
    if (shape.requests().size() > model.scheduler().capacity()) {
      throw ApiFailure.badField(
          "n",
          "asks for "
              + shape.requests().size()
              + " answers, slots and queue hold "
              + model.scheduler().capacity());
    }
    AnswerWriter.answer(exchange, model.scheduler(), shape, readerPatience);
  }

  private Map<String, Object> modelJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", model.name());
    json.put("object", "model");
    json.put("created", model.createdSeconds());
    json.put("owned_by", "vquant");
    json.put("max_model_len", model.engine().contextLength());
    return json;
  }

  private void health(HttpExchange exchange) throws IOException {
    BatchCounters counts = model.scheduler().counters();
    boolean well = model.scheduler().isRunning();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("status", well ? "ok" : "stopped");
    json.put("model", model.name());
    json.put("running", counts.running());
    json.put("waiting", counts.waiting());
    json.put("kv_bytes", counts.cacheByteSize());
    send(exchange, well ? 200 : 503, "application/json", bytes(json));
  }

  private static void sendJson(HttpExchange exchange, Object json) throws IOException {
    send(exchange, 200, "application/json", bytes(json));
  }

  private static byte[] bytes(Object json) {
    return Json.write(json).getBytes(StandardCharsets.UTF_8);
  }

  private static void sendFailure(HttpExchange exchange, ApiFailure failure) throws IOException {
    if (exchange.getResponseCode() >= 0) {
      throw new IOException("the answer has begun", failure); // cut off: the client must see that
    }
    if (failure.retryAfterSeconds() > 0) {
      exchange
          .getResponseHeaders()
          .set("Retry-After", Integer.toString(failure.retryAfterSeconds()));
    }
    if (failure.status() == 401) {
      exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer");
    }
    send(exchange, failure.status(), "application/json", bytes(failure.body()));
  }

  private static void send(HttpExchange exchange, int status, String type, byte[] body)
      throws IOException {
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, head ? -1 : body.length);
    if (!head) {
      exchange.getResponseBody().write(body);
    }
  }

  /** What the scheduler does and has done. */
  public BatchCounters counters() {
    return model.scheduler().counters();
  }

  /** Ends all answers under way and stops listening. */
  @Override
  public void close() {
    model.scheduler().close();
    http.stop(CLOSING_SECONDS);
    threads.shutdownNow();
  }
}
