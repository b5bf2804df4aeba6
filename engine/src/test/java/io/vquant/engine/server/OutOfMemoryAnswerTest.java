package io.vquant.engine.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.vquant.engine.GenerationRequest;
import io.vquant.engine.NotEnoughMemoryException;
import io.vquant.engine.batching.BatchOptions;
import io.vquant.engine.batching.BatchRequest;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.kernels.backend.OutOfDeviceMemoryException;
import io.vquant.kernels.tensor.Device;
import io.vquant.tokenizer.chat.ChatTokenizer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that fail while they are carried out: who lacked memory may come again. */
class OutOfMemoryAnswerTest {
  private static ServerFixture fixture;
  private static ServedModel model;

  @BeforeAll
  static void start() throws IOException {
    fixture = new ServerFixture(2, 2, null);
    long one = fixture.engine.memoryPlan().cacheByteSize();
    BatchScheduler scheduler = fixture.engine.newScheduler(new BatchOptions(2, 2, 4 * one, one));
    model =
        new ServedModel(
            ServerFixture.MODEL,
            0,
            fixture.engine,
            ChatTokenizer.of(fixture.engine.tokenizer(), ServerFixture.modelFolder()),
            new Vocabulary(
                fixture.engine.tokenizer(), fixture.engine.config().vocabSize(), Set.of()),
            scheduler);
  }

  @AfterAll
  static void stop() {
    if (fixture != null) {
      model.scheduler().close();
      fixture.close();
    }
  }

  private static RuntimeException noDeviceMemory() {
    return new OutOfDeviceMemoryException(Device.CPU, "4096 bytes", 17);
  }

  /** Four tokens, if the model does not fail like this at one of them. */
  private static CompletionAnswer failingAt(int step, boolean streams, RuntimeException failure) {
    int[] steps = new int[1];
    GenerationRequest request =
        GenerationRequest.builder(new int[] {1, 2, 3})
            .maxTokens(4)
            .ignoreEos(true)
            .logitsProcessors(
                List.of((candidates, history) -> {
                  if (++steps[0] == step) {
                    throw failure;
                  }
                }))
            .build();
    List<BatchRequest> requests = List.of(BatchRequest.of(request));
    return new CompletionAnswer("cmpl-1", model, requests, 1, streams, false, false, false);
  }

  /** Has it written to a client: what the client got, and the failure, if nothing was sent. */
  private static Answer answer(AnswerShape shape) throws Exception {
    HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1);
    CompletableFuture<ApiFailure> thrown = new CompletableFuture<>();
    http.createContext("/", exchange -> carryOut(exchange, shape, thrown));
    http.start();
    try {
      URI uri = URI.create("http://127.0.0.1:" + http.getAddress().getPort() + "/");
      HttpResponse<String> response =
          fixture.client.send(
              HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
      return new Answer(response.body(), thrown);
    } finally {
      http.stop(0);
    }
  }

  private record Answer(String body, CompletableFuture<ApiFailure> thrown) {}

  private static void carryOut(
      HttpExchange exchange, AnswerShape shape, CompletableFuture<ApiFailure> thrown)
      throws IOException {
    try (exchange) {
      AnswerWriter.answer(exchange, model.scheduler(), shape, Duration.ofSeconds(5));
    } catch (ApiFailure failure) {
      assertThat(exchange.getResponseCode()).as("status sent before").isEqualTo(-1);
      thrown.complete(failure);
      exchange.sendResponseHeaders(failure.status(), -1);
    }
  }

  private static void requireOutOfMemory(ApiFailure failure, String named) {
    assertThat(failure.status()).isEqualTo(503);
    assertThat(failure.retryAfterSeconds()).isPositive();
    assertThat(failure.getMessage())
        .startsWith("out of memory: ")
        .contains(named)
        .doesNotContain("\n");
    assertThat(failure.body().toString()).contains("type=server_error", "code=out_of_memory");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theDeviceHasNoMemory(boolean streams) throws Exception {
    Answer answer = answer(failingAt(1, streams, noDeviceMemory()));
    requireOutOfMemory(answer.thrown().getNow(null), "4096 bytes asked for, 17 bytes free");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void theMachineHasNoMemory(int step) throws Exception {
    RuntimeException failure = new NotEnoughMemoryException("a cache", 3L << 20, 1L << 20);
    Answer answer = answer(failingAt(step, false, failure));
    requireOutOfMemory(answer.thrown().getNow(null), "a cache: 3 MiB needed, 1 MiB available");
  }

  @Test
  void javaHasNoMemory() {
    requireOutOfMemory(ApiFailure.of(new OutOfMemoryError("Java heap space")), "Java heap space");
  }

  @Test
  void aStreamUnderWayEndsWithTheSameObject() throws Exception {
    Answer answer = answer(failingAt(3, true, noDeviceMemory()));
    assertThat(answer.thrown()).isNotDone();
    assertThat(answer.body())
        .startsWith("data: {")
        .contains("\"code\":\"out_of_memory\"")
        .contains("\"type\":\"server_error\"")
        .doesNotContain("\"finish_reason\":\"");
  }

  @Test
  void anotherFailureIsNotWorthAnotherTry() throws Exception {
    ApiFailure failure =
        answer(failingAt(2, false, new IllegalStateException("page 7"))).thrown().getNow(null);
    assertThat(failure.status()).isEqualTo(500);
    assertThat(failure.retryAfterSeconds()).isZero();
    assertThat(failure.body().toString()).contains("code=internal_error", "page 7");
  }

  @Test
  void whoComesAgainIsAnswered() throws Exception {
    answer(failingAt(1, false, noDeviceMemory()));
    Answer again = answer(failingAt(0, false, noDeviceMemory()));
    assertThat(again.thrown()).isNotDone();
    assertThat(again.body()).contains("\"completion_tokens\":4");
  }
}
