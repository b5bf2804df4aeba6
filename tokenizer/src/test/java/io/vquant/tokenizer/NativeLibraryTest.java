package io.vquant.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  private static final long PLAUSIBLE_BYTES = 1 << 20;

  @TempDir Path dir;

  private static Path onlyFile(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(1);
      return all.get(0);
    }
  }

  @Test
  void unpacksOnce() throws IOException {
    NativeLibrary.load(dir);
    Path file = onlyFile(dir);
    assertThat(Files.size(file)).isGreaterThan(PLAUSIBLE_BYTES);
    var modified = Files.getLastModifiedTime(file);
    NativeLibrary.load(dir);
    assertThat(Files.getLastModifiedTime(onlyFile(dir))).isEqualTo(modified);
  }

  @Test
  void replacesWhatDoesNotLoad() throws IOException {
    Path other = Files.createDirectory(dir.resolve("other"));
    NativeLibrary.load(dir.resolve("good"));
    Path name = dir.resolve("good").relativize(onlyFile(dir.resolve("good")));
    Files.writeString(other.resolve(name), "not a library");
    NativeLibrary.load(other);
    assertThat(Files.size(onlyFile(other))).isGreaterThan(PLAUSIBLE_BYTES);
  }

  @Test
  void saysInOneLineWhyNot() throws IOException {
    Path file = Files.writeString(dir.resolve("file"), "");
    assertThatThrownBy(() -> NativeLibrary.load(file))
        .isInstanceOf(NativeLibraryException.class)
        .hasMessageContaining("cannot be loaded from " + file)
        .hasMessageNotContaining("\n");
  }
}
