package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Pulls of a test hub's model into a folder, with waits that take no time. */
final class PullTrial {
  private static final ModelName NAME = ModelName.parse(TestHub.MODEL).orElseThrow();
  private static final long QUICK_MILLIS = 1;
  private static final Duration PATIENT = Duration.ofSeconds(20);

  private final TestHub hub;
  private final Path temp;
  private final List<String> notices = new CopyOnWriteArrayList<>();

  PullTrial(TestHub hub, Path temp) {
    this.hub = hub;
    this.temp = temp;
  }

  /** Where the model comes to lie. */
  Path target() {
    return temp.resolve("models/org/tiny");
  }

  /** What the pulls told so far. */
  List<String> notices() {
    return notices;
  }

  /** Pulls the model. */
  PulledModel run() {
    return pull().run();
  }

  /** A pull that has not begun. */
  ModelPull pull() {
    return pull(null, PartSink::ofFile, PATIENT);
  }

  ModelPull withToken(String token) {
    return pull(token, PartSink::ofFile, PATIENT);
  }

  ModelPull into(PartSink.Opener sinks) {
    return pull(null, sinks, PATIENT);
  }

  ModelPull withStall(Duration stall) {
    return pull(null, PartSink::ofFile, stall);
  }

  private ModelPull pull(@Nullable String token, PartSink.Opener sinks, Duration stall) {
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

  /** Everything has come, as it is on the hub, and nothing lies beside it. */
  void requireComplete() throws IOException {
    for (String name : List.of("config.json", "tokenizer.json", TestHub.SHARD_1, TestHub.SHARD_2)) {
      assertThat(Files.readAllBytes(target().resolve(name))).isEqualTo(hub.content(name));
    }
    try (Stream<Path> siblings = Files.list(target().getParent())) {
      assertThat(siblings).containsExactly(target());
    }
  }

  /** No model lies there. */
  void requireNothing() {
    assertThat(target()).doesNotExist();
  }
}
