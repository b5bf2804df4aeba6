package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pulls that are cut go on where they were; what came is checked. */
class PullResumptionTest extends HubFixture {

  @Test
  void aCutConnectionGoesOnWhereItWas() throws IOException {
    AtomicInteger cuts = new AtomicInteger();
    hub.fault(
        TestHub.SHARD_1,
        exchange -> {
          if (cuts.incrementAndGet() == 1) {
            TestHub.cut(exchange, hub.content(TestHub.SHARD_1), 1_000_000);
          }
          return false;
        });
    pulls.run();
    pulls.requireComplete();
    List<TestHub.Request> asked =
        hub.requests().stream()
            .filter(request -> request.path().endsWith(TestHub.SHARD_1))
            .toList();
    assertThat(asked).hasSize(2);
    assertThat(asked.get(1).headers().get("Range")).matches("bytes=[1-9]\\d*-");
    assertThat(asked.get(1).headers()).containsKey("If-Range");
    assertThat(pulls.notices())
        .hasSize(1)
        .first()
        .asString()
        .contains(TestHub.SHARD_1, "trying again");
  }

  @Test
  void alwaysCutGivesUpAndTheNextPullGoesOn() throws IOException {
    hub.fault(
        TestHub.SHARD_1,
        exchange -> {
          if (exchange.getRequestHeaders().containsKey("Range")) {
            throw new IOException("no more");
          }
          TestHub.cut(exchange, hub.content(TestHub.SHARD_1), 2_000_000);
          return true;
        });
    assertThatThrownBy(pulls::run)
        .isInstanceOf(HubException.class)
        .hasMessageStartingWith("org/tiny, " + TestHub.SHARD_1 + ": the connection was cut")
        .hasMessageEndingWith("(tried 5 times)");
    pulls.requireNothing();
    hub.noFaults();
    hub.requests().clear();
    PulledModel pulled = pulls.run();
    pulls.requireComplete();
    assertThat(pulled.fetchedBytes()).isLessThan(2_000_000L);
    assertThat(hub.paths().stream().filter(path -> path.endsWith("config.json")))
        .as("complete files are not fetched again")
        .isEmpty();
  }

  @Test
  void aPartOfAnotherVersionIsThrownAway() throws IOException {
    hub.alwaysCut(TestHub.SHARD_1, 500_000);
    assertThatThrownBy(pulls::run).isInstanceOf(HubException.class);
    hub.noFaults();
    // The same commit, other bytes: If-Range makes the hub send all of them.
    hub.large(TestHub.SHARD_1, TestHub.bytes(3_000_000, 77));
    pulls.run();
    pulls.requireComplete();
  }

  @ParameterizedTest
  @ValueSource(strings = {TestHub.SHARD_2, "config.json"})
  void aWrongSumIsRefusedAndForgotten(String name) throws IOException {
    byte[] wrong = hub.content(name).clone();
    wrong[wrong.length / 2] ^= 1;
    hub.fault(
        "/" + name,
        exchange -> {
          TestHub.send(exchange, 200, wrong);
          return true;
        });
    assertThatThrownBy(pulls::run)
        .isInstanceOf(HubException.class)
        .hasMessageContaining("org/tiny, " + name + ": ")
        .hasMessageContaining("expected ")
        .hasMessageContaining("thrown away");
    pulls.requireNothing();
    hub.noFaults();
    pulls.run();
    pulls.requireComplete();
  }

  @Test
  void anEndedPartIsCheckedToo() throws IOException {
    hub.alwaysCut(TestHub.SHARD_1, 500_000);
    assertThatThrownBy(pulls::run).isInstanceOf(HubException.class);
    Path part = pulls.target().resolveSibling(".tiny.pulling").resolve(TestHub.SHARD_1 + ".part");
    byte[] damaged = Files.readAllBytes(part);
    damaged[10] ^= 1;
    Files.write(part, damaged);
    hub.noFaults();
    assertThatThrownBy(pulls::run)
        .hasMessageContaining("sha256")
        .hasMessageContaining("thrown away");
    pulls.run();
    pulls.requireComplete();
  }
}
