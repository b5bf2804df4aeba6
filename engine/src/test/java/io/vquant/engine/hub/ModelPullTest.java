package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pulls from a hub on the loopback device that does all that hubs and networks do. */
class ModelPullTest {
  private static final String SHARD_1 = "model-00001-of-00002.safetensors";
  private static final String SHARD_2 = "model-00002-of-00002.safetensors";
  private static final ModelName NAME = ModelName.parse(TestHub.MODEL).orElseThrow();
  private static final long QUICK_MILLIS = 1;

  private final TestHub hub = TestHub.withModel();
  private final List<String> notices = new ArrayList<>();
  @TempDir private Path temp;

  @AfterEach
  void close() {
    hub.close();
  }

  private Path target() {
    return temp.resolve("models/org/tiny");
  }

  private ModelPull pull(String token, PartSink.Opener sinks, Duration stall) {
    PullListener listener =
        new PullListener() {
          @Override
          public void onNotice(String line) {
            notices.add(line);
          }
        };
    return new ModelPull(
        Hub.of(hub.address(), token), NAME, target(), listener, sinks, QUICK_MILLIS, stall);
  }

  private PulledModel pull() {
    return pull(null, PartSink::ofFile, Duration.ofSeconds(20)).run();
  }

  private void requireComplete() throws IOException {
    for (String name : List.of("config.json", "tokenizer.json", SHARD_1, SHARD_2)) {
      assertThat(Files.readAllBytes(target().resolve(name))).isEqualTo(hub.content(name));
    }
    try (Stream<Path> siblings = Files.list(target().getParent())) {
      assertThat(siblings).containsExactly(target());
    }
  }

  private void requireNothing() {
    assertThat(target()).doesNotExist();
  }

  @Test
  void onlyWhatIsNeededIsFetchedAndOnlyOnce() throws IOException {
    PulledModel pulled = pull();
    requireComplete();
    try (Stream<Path> files = Files.list(target())) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "config.json",
              "generation_config.json",
              "tokenizer.json",
              "tokenizer_config.json",
              "chat_template.jinja",
              "model.safetensors.index.json",
              SHARD_1,
              SHARD_2,
              StagedModel.RECORD);
    }
    assertThat(pulled.files()).isEqualTo(8);
    assertThat(pulled.fetchedBytes()).isEqualTo(pulled.byteSize()).isGreaterThan(5_000_000);
    assertThat(pulled.commit()).isEqualTo(TestHub.COMMIT);
    assertThat(hub.paths()).hasSize(9).doesNotHaveDuplicates();
    assertThat(notices).isEmpty();

    PulledModel again = pull();
    assertThat(again.fetchedBytes()).isZero();
    assertThat(hub.paths()).as("the list of files alone").hasSize(10);
    assertThat(again.byteSize()).isEqualTo(pulled.byteSize());
  }

  @Test
  void aNewCommitReplacesTheFolderWhole() throws IOException {
    pull();
    hub.commit("fedcba9876543210fedcba9876543210fedcba98");
    hub.large(SHARD_1, TestHub.bytes(100_000, 9));
    hub.remove("chat_template.jinja");
    PulledModel pulled = pull();
    assertThat(pulled.commit()).startsWith("fedcba");
    requireComplete();
    assertThat(target().resolve("chat_template.jinja")).doesNotExist();
  }

  @Test
  void aCutConnectionGoesOnWhereItWas() throws IOException {
    AtomicInteger cuts = new AtomicInteger();
    hub.fault(
        SHARD_1,
        exchange -> {
          if (cuts.incrementAndGet() == 1) {
            TestHub.cut(exchange, hub.content(SHARD_1), 1_000_000);
          }
          return false;
        });
    pull();
    requireComplete();
    List<TestHub.Request> asked =
        hub.requests().stream().filter(request -> request.path().endsWith(SHARD_1)).toList();
    assertThat(asked).hasSize(2);
    assertThat(asked.get(1).headers().get("Range")).matches("bytes=[1-9]\\d*-");
    assertThat(asked.get(1).headers()).containsKey("If-Range");
    assertThat(notices).hasSize(1).first().asString().contains(SHARD_1, "trying again");
  }

  @Test
  void alwaysCutGivesUpAndTheNextPullGoesOn() throws IOException {
    hub.fault(
        SHARD_1,
        exchange -> {
          if (exchange.getRequestHeaders().containsKey("Range")) {
            throw new IOException("no more");
          }
          TestHub.cut(exchange, hub.content(SHARD_1), 2_000_000);
          return true;
        });
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageStartingWith("org/tiny, " + SHARD_1 + ": the connection was cut")
        .hasMessageEndingWith("(tried 5 times)");
    requireNothing();
    hub.noFaults();
    hub.requests().clear();
    PulledModel pulled = pull();
    requireComplete();
    assertThat(pulled.fetchedBytes()).isLessThan(2_000_000L);
    assertThat(hub.paths().stream().filter(path -> path.endsWith("config.json")))
        .as("complete files are not fetched again")
        .isEmpty();
  }

  @Test
  void aPartOfAnotherVersionIsThrownAway() throws IOException {
    alwaysCut(SHARD_1, 500_000);
    assertThatThrownBy(this::pull).isInstanceOf(HubException.class);
    hub.noFaults();
    // The same commit, other bytes: If-Range makes the hub send all of them.
    hub.large(SHARD_1, TestHub.bytes(3_000_000, 77));
    pull();
    requireComplete();
  }

  private void alwaysCut(String name, int bytes) {
    hub.fault(
        name,
        exchange -> {
          TestHub.cut(exchange, hub.content(name), bytes);
          return true;
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {SHARD_2, "config.json"})
  void aWrongSumIsRefusedAndForgotten(String name) throws IOException {
    byte[] wrong = hub.content(name).clone();
    wrong[wrong.length / 2] ^= 1;
    hub.fault(
        "/" + name,
        exchange -> {
          TestHub.send(exchange, 200, wrong);
          return true;
        });
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("org/tiny, " + name + ": ")
        .hasMessageContaining("expected ")
        .hasMessageContaining("thrown away");
    requireNothing();
    hub.noFaults();
    pull();
    requireComplete();
  }

  @Test
  void anEndedPartIsCheckedToo() throws IOException {
    alwaysCut(SHARD_1, 500_000);
    assertThatThrownBy(this::pull).isInstanceOf(HubException.class);
    Path part = target().resolveSibling(".tiny.pulling").resolve(SHARD_1 + ".part");
    byte[] damaged = Files.readAllBytes(part);
    damaged[10] ^= 1;
    Files.write(part, damaged);
    hub.noFaults();
    assertThatThrownBy(this::pull)
        .hasMessageContaining("sha256")
        .hasMessageContaining("thrown away");
    pull();
    requireComplete();
  }

  @Test
  void theTokenStaysWithTheHub() throws IOException {
    try (TestHub elsewhere = new TestHub()) {
      byte[] content = hub.content(SHARD_1);
      elsewhere.fault(
          "/store",
          exchange -> {
            TestHub.sendFile(exchange, content);
            return true;
          });
      redirect(SHARD_1, elsewhere.address() + "/store");
      redirect("tokenizer.json", "/other/name");
      hub.fault(
          "/other/name",
          exchange -> {
            TestHub.sendFile(exchange, hub.content("tokenizer.json"));
            return true;
          });
      pull("hf_secret", PartSink::ofFile, Duration.ofSeconds(20)).run();
      requireComplete();
      assertThat(elsewhere.requests())
          .hasSize(1)
          .allSatisfy(request -> assertThat(request.headers()).doesNotContainKey("Authorization"));
      assertThat(hub.requests())
          .allSatisfy(request ->
              assertThat(request.headers()).containsEntry("Authorization", "Bearer hf_secret"));
    }
  }

  private void redirect(String pathEnd, String to) {
    hub.fault(
        pathEnd,
        exchange -> {
          exchange.getResponseHeaders().set("Location", to);
          TestHub.send(exchange, 302, new byte[0]);
          return true;
        });
  }

  @Test
  void redirectsEnd() {
    redirect(SHARD_1, "/org/tiny/resolve/" + TestHub.COMMIT + "/" + SHARD_1);
    assertThatThrownBy(this::pull).hasMessageEndingWith(": more than 8 redirects");
    redirect(SHARD_1, "file:///etc/passwd");
    assertThatThrownBy(this::pull).hasMessageEndingWith("redirected to what is no web address");
    redirect(SHARD_1, "http://[");
    assertThatThrownBy(this::pull).hasMessageEndingWith("redirected to what is no address");
    requireNothing();
  }

  @ParameterizedTest
  @CsvSource({
    "401, needs a token (401): set HF_TOKEN",
    "403, does not let this account have it (403)",
    "404, 'has no such model, revision or file (404)'",
    "400, 'answers 400, expected 200'",
    "503, answers 503",
  })
  void refusalsSayWhatToDo(int status, String words) {
    AtomicInteger asked = new AtomicInteger();
    hub.fault(
        "/revision/main",
        exchange -> {
          asked.incrementAndGet();
          TestHub.send(exchange, status, new byte[0]);
          return true;
        });
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageStartingWith("org/tiny: the hub ")
        .hasMessageContaining(words);
    assertThat(asked.get()).as("attempts").isEqualTo(status >= 500 ? 5 : 1);
    requireNothing();
  }

  @Test
  void aTokenThatIsRefusedIsNotShown() {
    hub.fault(
        "/revision/main",
        exchange -> {
          TestHub.send(exchange, 401, new byte[0]);
          return true;
        });
    assertThatThrownBy(() -> pull("hf_secret", PartSink::ofFile, Duration.ofSeconds(20)).run())
        .hasMessageContaining("does not accept the token")
        .hasMessageNotContaining("hf_secret");
  }

  @Test
  void aBusyHubIsWaitedFor() throws IOException {
    AtomicInteger asked = new AtomicInteger();
    String past = ZonedDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.RFC_1123_DATE_TIME);
    hub.fault(
        SHARD_1,
        exchange -> {
          int count = asked.incrementAndGet();
          if (count <= 3) {
            exchange
                .getResponseHeaders()
                .set("Retry-After", List.of("0", past, "soon").get(count - 1));
            TestHub.send(exchange, count == 3 ? 502 : 429, new byte[0]);
            return true;
          }
          return false;
        });
    pull();
    requireComplete();
    assertThat(asked.get()).isEqualTo(4);
    assertThat(notices).hasSize(3);
  }

  @Test
  void aLongWaitIsNotWaited() {
    hub.fault(
        SHARD_1,
        exchange -> {
          exchange.getResponseHeaders().set("Retry-After", "3600");
          TestHub.send(exchange, 429, new byte[0]);
          return true;
        });
    assertThatThrownBy(this::pull)
        .hasMessageContaining("is busy (429) and asks to wait 3600 s: run the same command again");
  }

  @Test
  void moreThanWasListedIsRefused() {
    byte[] longer = Arrays.copyOf(hub.content(SHARD_1), 3_000_001);
    hub.fault(
        SHARD_1,
        exchange -> {
          TestHub.send(exchange, 200, longer);
          return true;
        });
    assertThatThrownBy(this::pull)
        .hasMessageEndingWith("the hub lists 3000000 bytes and is about to send 3000001");
    hub.fault(
        SHARD_1,
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // in chunks: the length is not said
          exchange.getResponseBody().write(longer);
          return true;
        });
    assertThatThrownBy(this::pull)
        .hasMessageEndingWith("the hub sends more than the 3000000 bytes it lists");
    requireNothing();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a/../../x", "/etc/passwd", "..\\x", "a\u0000b", ""})
  void namesThatLeadOutAreRefused(String name) {
    hub.list(name, 3);
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("leads out of the model's folder");
    requireNothing();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x.safetensors", "sub/x.safetensors", "not-listed.safetensors", ".."})
  void anIndexNamesOnlyShardsThatAreThere(String shard) {
    hub.small("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"" + shard + "\"}}");
    assertThatThrownBy(this::pull)
        .isInstanceOfSatisfying(
            HubException.class,
            e -> assertThat(e.reason()).isEqualTo(HubException.Reason.UNUSABLE_MODEL))
        .hasMessageContaining("names a shard '" + shard + "'");
    requireNothing();
  }

  @Test
  void whatIsNoModelIsSaidToBeNone() {
    hub.remove("model.safetensors.index.json");
    assertThatThrownBy(this::pull)
        .hasMessage(
            "org/tiny: has no model.safetensors, only weights in formats that this engine does not"
                + " read");
    hub.remove("config.json");
    assertThatThrownBy(this::pull).hasMessage("org/tiny: has no config.json");
    hub.fault(
        "/revision/main",
        exchange -> {
          TestHub.send(exchange, 200, "<html>".getBytes(java.nio.charset.StandardCharsets.UTF_8));
          return true;
        });
    assertThatThrownBy(this::pull).hasMessageContaining("is not JSON");
    requireNothing();
  }

  @Test
  void aSingleFileOfWeights() throws IOException {
    hub.remove("model.safetensors.index.json");
    hub.large("model.safetensors", TestHub.bytes(70_000, 8));
    pull();
    assertThat(Files.readAllBytes(target().resolve("model.safetensors")))
        .isEqualTo(hub.content("model.safetensors"));
    assertThat(target().resolve(SHARD_1)).doesNotExist();
  }

  /** The disk's end is imitated: the sink of one file takes no more, as a full disk does. */
  @Test
  void aFullDiskIsOneLineAndWhatCameStays() throws IOException {
    PartSink.Opener full =
        (file, byteSize) -> {
          PartSink sink = PartSink.ofFile(file, byteSize);
          return new PartSink() {
            private long left = 1_500_000;

            @Override
            public void write(ByteBuffer bytes) throws IOException {
              left -= bytes.remaining();
              if (left < 0) {
                throw new IOException("No space left on device");
              }
              sink.write(bytes);
            }

            @Override
            public void sync() throws IOException {
              sink.sync();
            }

            @Override
            public void close() throws IOException {
              sink.close();
            }
          };
        };
    assertThatThrownBy(() -> pull(null, full, Duration.ofSeconds(20)).run())
        .isInstanceOf(HubException.class)
        .hasMessageContaining(".part: cannot be written: No space left on device;")
        .hasMessageContaining("the same command goes on");
    requireNothing();
    PulledModel pulled = pull();
    requireComplete();
    assertThat(pulled.fetchedBytes()).isLessThan(pulled.byteSize() - 1_000_000);
  }

  @Test
  void moreThanTheDiskHasIsRefusedBeforeItIsFetched() {
    hub.list(SHARD_1, Long.MAX_VALUE / 4);
    assertThatThrownBy(this::pull).hasMessageContaining("bytes left, expected ");
    assertThat(hub.paths()).noneMatch(path -> path.endsWith("safetensors"));
  }

  @Test
  void aStalledConnectionIsGivenUp() throws IOException {
    AtomicInteger asked = new AtomicInteger();
    CountDownLatch end = new CountDownLatch(1);
    hub.fault(
        SHARD_1,
        exchange -> {
          if (asked.incrementAndGet() > 1) {
            return false;
          }
          exchange.sendResponseHeaders(200, 3_000_000);
          exchange.getResponseBody().write(hub.content(SHARD_1), 0, 100_000);
          exchange.getResponseBody().flush();
          try {
            end.await(30, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return true;
        });
    pull(null, PartSink::ofFile, Duration.ofMillis(400)).run();
    end.countDown();
    requireComplete();
    assertThat(asked.get()).isEqualTo(2);
  }

  @Test
  void cancellingLeavesWhatCame() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    hub.fault(
        SHARD_1,
        exchange -> {
          exchange.sendResponseHeaders(200, 3_000_000);
          exchange.getResponseBody().write(hub.content(SHARD_1), 0, 1_000_000);
          exchange.getResponseBody().flush();
          begun.countDown();
          try {
            end.await(30, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return true;
        });
    ModelPull pull = pull(null, PartSink::ofFile, Duration.ofSeconds(20));
    CompletableFuture<PulledModel> running = CompletableFuture.supplyAsync(pull::run);
    assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
    assertThatThrownBy(this::pull).hasMessageEndingWith("another pull is fetching it now");
    pull.cancel();
    assertThatThrownBy(() -> running.get(20, TimeUnit.SECONDS))
        .hasCauseInstanceOf(PullCancelledException.class);
    end.countDown();
    hub.noFaults();
    pull();
    requireComplete();
  }

  @Test
  void foreignFoldersAreNotReplaced() throws IOException {
    Files.createDirectories(target());
    pull(); // an empty folder gives way
    requireComplete();
    Files.writeString(target().resolve(StagedModel.RECORD), "{\"model\":\"other/model\"}");
    assertThatThrownBy(this::pull).hasMessageContaining("holds other files than a pulled org/tiny");
    Files.delete(target().resolve(StagedModel.RECORD));
    assertThatThrownBy(this::pull).hasMessageContaining("holds other files");
    assertThat(target().resolve(SHARD_1)).exists();
  }

  @Test
  void nobodyThere() {
    hub.close();
    assertThatThrownBy(this::pull)
        .isInstanceOf(HubException.class)
        .hasMessage("org/tiny: no connection (tried 5 times)");
  }

  @Test
  void namesOfModels() {
    assertThat(ModelName.parse("Qwen/Qwen3-0.6B"))
        .hasValue(new ModelName("Qwen", "Qwen3-0.6B", "main"));
    assertThat(ModelName.parse("a/b@refs/pr/1"))
        .hasValueSatisfying(name -> assertThat(name.folder()).isEqualTo("a/b@refs~pr~1"));
    for (String bad :
        List.of("a", "a/b/c", "../b", "a/..", "./a", "a/b@", "a/b@../x", "a/b@x/", "/a", "a /b")) {
      assertThat(ModelName.parse(bad)).as(bad).isEmpty();
    }
  }

  @Test
  void addressesOfHubs() {
    assertThat(Hub.of("https://hub.example/base/", " hf_x ").token()).isEqualTo("hf_x");
    assertThat(Hub.of("https://hub.example/base/", null).resolve("/api"))
        .hasToString("https://hub.example/base/api");
    Map<String, String> bad =
        Map.of(
            "ftp://x", "expected an address",
            "hub.example", "expected an address",
            "https://user:pw@x", "expected an address",
            "http://x?y", "expected an address",
            "http:// x", "not an address");
    bad.forEach((address, words) ->
        assertThatThrownBy(() -> Hub.of(address, null))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining(words));
    assertThatThrownBy(() -> Hub.of("http://hub.example", "hf_x"))
        .hasMessageContaining("readable over the network")
        .hasMessageNotContaining("hf_x");
    assertThatThrownBy(() -> Hub.of("https://hub.example", "two\nlines"))
        .hasMessageNotContaining("lines\n");
  }
}
