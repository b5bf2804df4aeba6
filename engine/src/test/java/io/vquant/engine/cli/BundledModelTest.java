package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BundledModelTest {
  private final BundledModel model = BundledModel.open();
  @TempDir private Path cache;

  private List<String> names() throws IOException {
    try (var children = Files.list(cache)) {
      return children.map(child -> child.getFileName().toString()).toList();
    }
  }

  @Test
  void unpacksEveryFileAndNothingElse() throws IOException {
    Path folder = model.unpack(cache);
    assertThat(model.damagedFiles(cache)).isEmpty();
    assertThat(names()).containsExactly(folder.getFileName().toString());
    assertThat(folder.resolve("model.safetensors")).hasSize(13_910_360);
  }

  @Test
  void doesNotTouchWhatIsThere() throws IOException {
    Path folder = model.unpack(cache);
    var before = Files.getLastModifiedTime(folder.resolve("model.safetensors"));
    assertThat(model.unpack(cache)).isEqualTo(folder);
    assertThat(Files.getLastModifiedTime(folder.resolve("model.safetensors"))).isEqualTo(before);
  }

  @Test
  void replacesAHalfWrittenFolder() throws IOException {
    Path folder = Files.createDirectories(model.folder(cache));
    Files.write(folder.resolve("model.safetensors"), new byte[1000]);
    assertThat(model.isUnpacked(cache)).isFalse();
    model.unpack(cache);
    assertThat(model.damagedFiles(cache)).isEmpty();
    assertThat(names()).hasSize(1);
  }

  @Test
  void findsChangedBytes() throws IOException {
    Path config = model.unpack(cache).resolve("config.json");
    Files.writeString(config, Files.readString(config).replace("256", "257"));
    assertThat(model.damagedFiles(cache)).containsExactly("config.json");
  }

  @Test
  void manyAtOnceAgree() throws Exception {
    List<Callable<Path>> tasks = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      tasks.add(() -> BundledModel.open().unpack(cache));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(tasks.size())) {
      for (Future<Path> done : threads.invokeAll(tasks)) {
        assertThat(done.get()).isEqualTo(model.folder(cache));
      }
    }
    assertThat(model.damagedFiles(cache)).isEmpty();
    assertThat(names()).hasSize(1);
  }

  @Test
  void cacheFolderFollowsTheEnvironment() throws IOException {
    Path home = Files.createDirectory(cache.resolve("home"));
    Path chosen = cache.resolve("chosen");
    assertThat(CacheFolder.open(Map.of("VQUANT_CACHE", chosen.toString()), home, cache, "u"))
        .isEqualTo(chosen);
    assertThat(CacheFolder.open(Map.of("XDG_CACHE_HOME", chosen.toString()), home, cache, "u"))
        .isEqualTo(chosen.resolve("vquant"));
    assertThat(CacheFolder.open(Map.of("XDG_CACHE_HOME", "relative"), home, cache, "u"))
        .isEqualTo(home.resolve(".cache/vquant"));
    Path file = Files.writeString(cache.resolve("file"), "");
    assertThat(CacheFolder.open(Map.of(), file, cache, "u")).isEqualTo(cache.resolve("vquant-u"));
    assertThatThrownBy(
            () -> CacheFolder.open(Map.of("VQUANT_CACHE", file.toString()), home, cache, "u"))
        .isInstanceOf(CommandFailure.class)
        .hasMessageContaining(file.toString());
  }
}
