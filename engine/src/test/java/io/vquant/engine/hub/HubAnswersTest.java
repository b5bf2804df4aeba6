package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Redirects, refusals and whatever else a hub answers with. */
class HubAnswersTest extends HubFixture {

  @Test
  void theTokenStaysWithTheHub() throws IOException {
    try (TestHub elsewhere = new TestHub()) {
      byte[] content = hub.content(TestHub.SHARD_1);
      elsewhere.fault(
          "/store",
          exchange -> {
            TestHub.sendFile(exchange, content);
            return true;
          });
      hub.redirect(TestHub.SHARD_1, elsewhere.address() + "/store");
      hub.redirect("tokenizer.json", "/other/name");
      hub.fault(
          "/other/name",
          exchange -> {
            TestHub.sendFile(exchange, hub.content("tokenizer.json"));
            return true;
          });
      pulls.withToken("hf_secret").run();
      pulls.requireComplete();
      assertThat(elsewhere.requests())
          .hasSize(1)
          .allSatisfy(request -> assertThat(request.headers()).doesNotContainKey("Authorization"));
      assertThat(hub.requests())
          .allSatisfy(request ->
              assertThat(request.headers()).containsEntry("Authorization", "Bearer hf_secret"));
    }
  }

  @Test
  void redirectsEnd() {
    hub.redirect(TestHub.SHARD_1, "/org/tiny/resolve/" + TestHub.COMMIT + "/" + TestHub.SHARD_1);
    assertThatThrownBy(pulls::run).hasMessageEndingWith(": more than 8 redirects");
    hub.redirect(TestHub.SHARD_1, "file:///etc/passwd");
    assertThatThrownBy(pulls::run).hasMessageEndingWith("redirected to what is no web address");
    hub.redirect(TestHub.SHARD_1, "http://[");
    assertThatThrownBy(pulls::run).hasMessageEndingWith("redirected to what is no address");
    pulls.requireNothing();
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
    assertThatThrownBy(pulls::run)
        .isInstanceOf(HubException.class)
        .hasMessageStartingWith("org/tiny: the hub ")
        .hasMessageContaining(words);
    assertThat(asked.get()).as("attempts").isEqualTo(status >= 500 ? 5 : 1);
    pulls.requireNothing();
  }

  @Test
  void aTokenThatIsRefusedIsNotShown() {
    hub.fault(
        "/revision/main",
        exchange -> {
          TestHub.send(exchange, 401, new byte[0]);
          return true;
        });
    assertThatThrownBy(() -> pulls.withToken("hf_secret").run())
        .hasMessageContaining("does not accept the token")
        .hasMessageNotContaining("hf_secret");
  }

  @Test
  void aBusyHubIsWaitedFor() throws IOException {
    AtomicInteger asked = new AtomicInteger();
    String past = ZonedDateTime.now(ZoneOffset.UTC).format(DateTimeFormatter.RFC_1123_DATE_TIME);
    hub.fault(
        TestHub.SHARD_1,
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
    pulls.run();
    pulls.requireComplete();
    assertThat(asked.get()).isEqualTo(4);
    assertThat(pulls.notices()).hasSize(3);
  }

  @Test
  void aLongWaitIsNotWaited() {
    hub.fault(
        TestHub.SHARD_1,
        exchange -> {
          exchange.getResponseHeaders().set("Retry-After", "3600");
          TestHub.send(exchange, 429, new byte[0]);
          return true;
        });
    assertThatThrownBy(pulls::run)
        .hasMessageContaining("is busy (429) and asks to wait 3600 s: run the same command again");
  }

  @Test
  void moreThanWasListedIsRefused() {
    byte[] longer = Arrays.copyOf(hub.content(TestHub.SHARD_1), 3_000_001);
    hub.fault(
        TestHub.SHARD_1,
        exchange -> {
          TestHub.send(exchange, 200, longer);
          return true;
        });
    assertThatThrownBy(pulls::run)
        .hasMessageEndingWith("the hub lists 3000000 bytes and is about to send 3000001");
    hub.fault(
        TestHub.SHARD_1,
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // in chunks: the length is not said
          exchange.getResponseBody().write(longer);
          return true;
        });
    assertThatThrownBy(pulls::run)
        .hasMessageEndingWith("the hub sends more than the 3000000 bytes it lists");
    pulls.requireNothing();
  }

  @Test
  void nobodyThere() {
    hub.close();
    assertThatThrownBy(pulls::run)
        .isInstanceOf(HubException.class)
        .hasMessage("org/tiny: no connection (tried 5 times)");
  }
}
