package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Full disks, connections that stall, and cancelling. */
class PullInterruptionTest extends HubFixture {

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
    assertThatThrownBy(() -> pulls.into(full).run())
        .isInstanceOf(HubException.class)
        .hasMessageContaining(".part: cannot be written: No space left on device;")
        .hasMessageContaining("the same command goes on");
    pulls.requireNothing();
    PulledModel pulled = pulls.run();
    pulls.requireComplete();
    assertThat(pulled.fetchedBytes()).isLessThan(pulled.byteSize() - 1_000_000);
  }

  @Test
  void aStalledConnectionIsGivenUp() throws IOException {
    AtomicInteger asked = new AtomicInteger();
    CountDownLatch end = new CountDownLatch(1);
    hub.fault(
        TestHub.SHARD_1,
        exchange -> {
          if (asked.incrementAndGet() > 1) {
            return false;
          }
          exchange.sendResponseHeaders(200, 3_000_000);
          exchange.getResponseBody().write(hub.content(TestHub.SHARD_1), 0, 100_000);
          exchange.getResponseBody().flush();
          try {
            end.await(30, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return true;
        });
    pulls.withStall(Duration.ofMillis(400)).run();
    end.countDown();
    pulls.requireComplete();
    assertThat(asked.get()).isEqualTo(2);
  }

  @Test
  void cancellingLeavesWhatCame() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    hub.fault(
        TestHub.SHARD_1,
        exchange -> {
          exchange.sendResponseHeaders(200, 3_000_000);
          exchange.getResponseBody().write(hub.content(TestHub.SHARD_1), 0, 1_000_000);
          exchange.getResponseBody().flush();
          begun.countDown();
          try {
            end.await(30, TimeUnit.SECONDS);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return true;
        });
    ModelPull pull = pulls.pull();
    CompletableFuture<PulledModel> running = CompletableFuture.supplyAsync(pull::run);
    assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
    assertThatThrownBy(pulls::run).hasMessageEndingWith("another pull is fetching it now");
    pull.cancel();
    assertThatThrownBy(() -> running.get(20, TimeUnit.SECONDS))
        .hasCauseInstanceOf(PullCancelledException.class);
    end.countDown();
    hub.noFaults();
    pulls.run();
    pulls.requireComplete();
  }
}
