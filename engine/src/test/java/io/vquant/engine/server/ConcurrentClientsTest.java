package io.vquant.engine.server;

import static io.vquant.engine.server.ServerFixture.messages;
import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.engine.batching.BatchCounters;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Clients beside each other, and clients that leave. {@code -Dvquant.server.requests=10000} makes
 * the run of leaving clients long.
 */
class ConcurrentClientsTest {
  private static final long SEED = 31;
  private static final int CLIENTS = 6;

  /** Compiled code, caches of the JDK's HTTP server and client; a leak of 10000 would be more. */
  private static final long HEAP_GROWTH_BYTES = 8 << 20;

  private static final int REQUESTS = Integer.getInteger("vquant.server.requests", 200);
  private static ServerFixture fixture;

  @BeforeAll
  static void start() {
    fixture = new ServerFixture(8, 64, null);
  }

  @AfterAll
  static void stop() {
    if (fixture != null) {
      fixture.close();
    }
  }

  private static String fields(int client) {
    String prompt =
        "Tell me a story about animal number " + client + ". " + "Go on. ".repeat(client * 9);
    return "\"temperature\": 0, \"max_tokens\": 60, \"ignore_eos\": true, " + messages(prompt);
  }

  private static String answer(int client) throws Exception {
    return fixture.chat(fields(client)).at("/choices/0/message/content").stringValue();
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 8})
  void eachGetsTheTextItGetsAlone(int clients) throws Exception {
    List<String> alone = new ArrayList<>();
    for (int client = 0; client < clients; client++) {
      alone.add(answer(client));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(clients)) {
      List<Future<String>> answers = new ArrayList<>();
      for (int i = 0; i < 2 * clients; i++) {
        int client = i % clients;
        answers.add(threads.submit(() -> answer(client)));
      }
      for (int i = 0; i < answers.size(); i++) {
        assertThat(answers.get(i).get())
            .as("client %d of %d", i, clients)
            .isEqualTo(alone.get(i % clients));
      }
    }
    fixture.idle();
  }

  @Test
  void clientsThatLeaveCostNothing() throws Exception {
    List<String> expected = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      expected.add(answer(client));
    }
    ServerLoad before = ServerLoad.of(fixture);
    Random random = new Random(SEED);
    for (int i = 0; i < REQUESTS; i++) {
      int client = random.nextInt(CLIENTS);
      if (i % 50 == 0) { // one that stays, among the leaving
        HttpResponse<String> whole =
            fixture.post("/v1/chat/completions", "{" + fields(client) + "}");
        if (whole.statusCode() != 429) {
          assertThat(ServerFixture.ok(whole).at("/choices/0/message/content").stringValue())
              .as("request %d, seed %d", i, SEED)
              .isEqualTo(expected.get(client));
        }
      } else {
        leave(send(client, random.nextBoolean()), random);
      }
    }
    BatchCounters counters = fixture.idle();
    assertThat(counters.failed()).as("seed %d", SEED).isZero();
    assertThat(counters.ended() + counters.cancelled()).isEqualTo(counters.requests());
    assertThat(counters.cancelled()).isPositive();
    ServerLoad after = ServerLoad.of(fixture);
    if (REQUESTS > 1000) {
      System.out.printf(
          "%d requests: %s%nbefore %s%nafter  %s%n", REQUESTS, counters, before, after);
    }
    assertThat(after.leakedCacheBytes()).isZero();
    assertThat(after.platformThreads()).isLessThanOrEqualTo(before.platformThreads() + 2);
    assertThat(after.virtualThreads()).isLessThanOrEqualTo(before.virtualThreads());
    assertThat(after.heapBytes()).isLessThan(before.heapBytes() + HEAP_GROWTH_BYTES);
    assertThat(answer(3)).isEqualTo(expected.get(3));
  }

  /** Goes away at once or a little later, sometimes by a reset. */
  private static void leave(Socket socket, Random random) throws Exception {
    if (random.nextInt(3) > 0) {
      Thread.sleep(random.nextInt(12));
      InputStream in = socket.getInputStream();
      if (in.available() > 0 && in.read() < 0) {
        throw new IOException("closed by the server");
      }
    }
    socket.setSoLinger(random.nextBoolean(), 0);
    socket.close();
  }

  private static Socket send(int client, boolean streams) throws IOException {
    String body =
        "{\"stream\": "
            + streams
            + ", \"max_tokens\": 400, "
            + fields(client).replace("\"max_tokens\": 60, ", "")
            + "}";
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), fixture.port());
    socket
        .getOutputStream()
        .write(
            ("POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                    + body.length()
                    + "\r\n\r\n"
                    + body)
                .getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  @Test
  void aFullQueueSaysWhenToTryAgain() throws Exception {
    try (ServerFixture small = new ServerFixture(1, 0, null)) {
      String endless =
          "{\"stream\": true, \"ignore_eos\": true, " + messages("Tell me a story.") + "}";
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), small.port())) {
        socket
            .getOutputStream()
            .write(
                ("POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                        + endless.length()
                        + "\r\n\r\n"
                        + endless)
                    .getBytes(StandardCharsets.US_ASCII));
        assertThat(socket.getInputStream().read()).isPositive();
        HttpResponse<String> refused =
            small.post("/v1/chat/completions", "{" + messages("Hi") + "}");
        assertThat(refused.statusCode()).as(refused.body()).isEqualTo(429);
        assertThat(refused.headers().firstValue("Retry-After")).contains("1");
        assertThat(ServerFixture.json(refused.body()).at("/error/type").stringValue())
            .isEqualTo("rate_limit_error");
      }
      small.idle(); // the client has left
      assertThat(
              small
                  .post("/v1/chat/completions", "{\"max_tokens\": 3, " + messages("Hi") + "}")
                  .statusCode())
          .isEqualTo(200);
    }
  }
}
