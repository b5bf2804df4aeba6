package io.vquant.engine.cli;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One page in a headless Chromium, driven over the DevTools protocol: a WebSocket that carries
 * numbered JSON calls, their results, and events.
 */
final class Browser implements AutoCloseable {
  private static final long CALL_SECONDS = 60;
  private static final Duration STARTING = Duration.ofSeconds(60);

  private final Process process;
  private final Path profile;
  private final HttpClient client = HttpClient.newHttpClient();
  private final WebSocket socket;
  private final AtomicInteger calls = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
  private final List<String> complaints = Collections.synchronizedList(new ArrayList<>());

  private Browser(Process process, Path profile, URI page) {
    this.process = process;
    this.profile = profile;
    socket = client.newWebSocketBuilder().buildAsync(page, new Receiver()).join();
  }

  /** The browser of this machine, if it has one. */
  static Optional<Path> executable() {
    String folders = System.getenv().getOrDefault("PATH", "");
    return Stream.of("chromium", "chromium-browser", "google-chrome")
        .flatMap(name -> Arrays.stream(folders.split(":")).map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Starts a browser with one empty page and a profile of its own. */
  static Browser start(Path executable) throws IOException, InterruptedException {
    Path profile = Files.createTempDirectory("vquant-browser");
    Process process =
        new ProcessBuilder(
                executable.toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(profile.resolve("stderr.txt").toFile())
            .start();
    try {
      Browser browser = new Browser(process, profile, pageOf(process, profile));
      browser.call("Page.enable", Map.of());
      browser.call("Runtime.enable", Map.of());
      browser.call("Log.enable", Map.of());
      return browser;
    } catch (IOException | RuntimeException failure) {
      process.destroyForcibly();
      throw failure;
    }
  }

  /** Chromium writes the port that it chose to a file, and tells its pages over HTTP. */
  private static URI pageOf(Process process, Path profile)
      throws IOException, InterruptedException {
    Path portFile = profile.resolve("DevToolsActivePort");
    long end = System.nanoTime() + STARTING.toNanos();
    try (HttpClient client = HttpClient.newHttpClient()) {
      while (process.isAlive() && System.nanoTime() < end) {
        List<String> lines = Files.exists(portFile) ? Files.readAllLines(portFile) : List.of();
        if (lines.size() >= 2) {
          URI list = URI.create("http://127.0.0.1:" + lines.getFirst() + "/json/list");
          String targets =
              client
                  .send(HttpRequest.newBuilder(list).build(), HttpResponse.BodyHandlers.ofString())
                  .body();
          for (JsonNode target : JsonMapper.shared().readTree(targets)) {
            if (target.path("type").asString("").equals("page")) {
              return URI.create(target.get("webSocketDebuggerUrl").stringValue());
            }
          }
        }
        Thread.sleep(50);
      }
    }
    throw new IOException(
        "the browser did not start: " + Files.readString(profile.resolve("stderr.txt")));
  }

  /** Calls a method of the protocol and waits for its result. */
  JsonNode call(String method, Map<String, ?> parameters) {
    int id = calls.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    answers.put(id, answer);
    Map<String, Object> message = Map.of("id", id, "method", method, "params", parameters);
    socket.sendText(JsonMapper.shared().writeValueAsString(message), true).join();
    JsonNode result = answer.orTimeout(CALL_SECONDS, TimeUnit.SECONDS).join();
    if (result.has("error")) {
      throw new AssertionError(method + ": " + result.get("error"));
    }
    return result.path("result");
  }

  /** The value of an expression on the page; a promise is waited for. */
  JsonNode evaluate(String expression) {
    JsonNode result =
        call(
            "Runtime.evaluate",
            Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
    if (result.has("exceptionDetails")) {
      throw new AssertionError(expression + ": " + result.get("exceptionDetails"));
    }
    return result.at("/result/value");
  }

  /** Waits until an expression is true. */
  void await(String expression) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(CALL_SECONDS);
    while (!evaluate("Boolean(" + expression + ")").booleanValue()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("never true: " + expression + "; page: " + pageText());
      }
      Thread.sleep(20);
    }
  }

  private String pageText() {
    return evaluate("document.body.innerText").asString("");
  }

  void open(String url) throws InterruptedException {
    call("Page.navigate", Map.of("url", url));
    await("location.href.startsWith('" + url + "') && document.readyState === 'complete'");
  }

  /** Presses the mouse's button over an element, as a user would: it must be visible there. */
  void click(String selector) {
    JsonNode box =
        evaluate(
            "(() => { const e = document.querySelector('"
                + selector
                + "'); e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
                + " const x = r.x + r.width / 2, y = r.y + r.height / 2;"
                + " return {x, y, hit: e.contains(document.elementFromPoint(x, y))}; })()");
    if (!box.get("hit").booleanValue()) {
      throw new AssertionError(selector + " is not where a click would reach it");
    }
    for (String type : List.of("mousePressed", "mouseReleased")) {
      call(
          "Input.dispatchMouseEvent",
          Map.of(
              "type",
              type,
              "x",
              box.get("x").doubleValue(),
              "y",
              box.get("y").doubleValue(),
              "button",
              "left",
              "clickCount",
              1));
    }
  }

  /** Types into the element that has the focus. */
  void type(String text) {
    call("Input.insertText", Map.of("text", text));
  }

  void pressEnter(boolean withShift) {
    int modifiers = withShift ? 8 : 0;
    for (String type : List.of("keyDown", "keyUp")) {
      call(
          "Input.dispatchKeyEvent",
          Map.of(
              "type",
              type,
              "key",
              "Enter",
              "code",
              "Enter",
              "text",
              type.equals("keyDown") ? "\r" : "",
              "modifiers",
              modifiers,
              "windowsVirtualKeyCode",
              13));
    }
  }

  void resize(int width, int height, String colorScheme) {
    call(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    call(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", colorScheme))));
  }

  /** A PNG of what is visible. */
  byte[] screenshot() {
    return Base64.getDecoder()
        .decode(call("Page.captureScreenshot", Map.of("format", "png")).get("data").stringValue());
  }

  /**
   * Uncaught exceptions, errors on the console, requests that failed, refusals by the page's
   * security policy, since the last call.
   */
  List<String> takeComplaints() {
    synchronized (complaints) {
      List<String> taken = List.copyOf(complaints);
      complaints.clear();
      return taken;
    }
  }

  @Override
  public void close() throws IOException {
    socket.abort();
    client.close();
    process.descendants().forEach(ProcessHandle::destroy);
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try (Stream<Path> files = Files.walk(profile)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  /** Puts the parts of messages together and tells results from events. */
  private final class Receiver implements WebSocket.Listener {
    private final StringBuilder message = new StringBuilder();

    @Override
    public @Nullable CompletionStage<?> onText(
        WebSocket webSocket, CharSequence data, boolean last) {
      message.append(data);
      if (last) {
        take(JsonMapper.shared().readTree(message.toString()));
        message.setLength(0);
      }
      webSocket.request(1);
      return null;
    }

    private void take(JsonNode received) {
      if (received.has("id")) {
        CompletableFuture<JsonNode> answer = answers.remove(received.get("id").intValue());
        if (answer != null) {
          answer.complete(received);
        }
        return;
      }
      boolean error =
          received.at("/params/entry/level").asString("").equals("error")
              || received.at("/params/type").asString("").equals("error");
      if (error || received.path("method").asString("").equals("Runtime.exceptionThrown")) {
        complaints.add(received.toString());
      }
    }

    @Override
    public void onError(WebSocket webSocket, Throwable error) {
      answers.values().forEach(answer -> answer.completeExceptionally(error));
    }
  }
}
