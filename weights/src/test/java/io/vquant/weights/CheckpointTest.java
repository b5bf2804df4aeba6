package io.vquant.weights;

import static io.vquant.weights.safetensors.RawFile.entry;
import static io.vquant.weights.safetensors.RawFile.writeSmall;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.vquant.weights.safetensors.RawFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
  @TempDir Path dir;

  private Path single() {
    return dir.resolve("model.safetensors");
  }

  private MalformedCheckpointException refusal(Path modelDir, Path file) {
    MalformedCheckpointException refusal =
        Assertions.assertTimeoutPreemptively(
            Duration.ofSeconds(20),
            () ->
                catchThrowableOfType(
                    MalformedCheckpointException.class, () -> Checkpoint.open(modelDir).close()));
    assertThat(refusal).isNotNull();
    assertThat(refusal.file()).isEqualTo(file);
    assertThat(refusal.getMessage()).startsWith(file.toString()).hasLineCount(1);
    return refusal;
  }

  @Test
  void aSingleFileIsMappedAndOtherFilesAreNotLookedAt() throws IOException {
    writeSmall(single(), "t");
    Files.writeString(dir.resolve("model.safetensors.index.json"), "not looked at");
    Files.writeString(dir.resolve("consolidated.safetensors"), "not looked at");
    List<String> steps = new ArrayList<>();
    long size = Files.size(single());
    StoredTensor tensor;
    try (Checkpoint checkpoint =
        Checkpoint.open(dir, (done, total) -> steps.add(done + " of " + total))) {
      assertThat(checkpoint.modelDir()).isEqualTo(dir);
      assertThat(checkpoint.weights().names()).containsExactly("t");
      assertThat(checkpoint.weights().files()).containsExactly(single());
      tensor = checkpoint.weights().get("t");
      assertThat(tensor.floatAt(1)).isZero();
      assertThat(tensor.file()).isEqualTo(single());
    }
    assertThat(steps).containsExactly(size + " of " + size);
    assertThatThrownBy(() -> tensor.floatAt(0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void closingTwiceIsHarmless() throws IOException {
    writeSmall(single(), "t");
    Checkpoint checkpoint = Checkpoint.open(dir);
    checkpoint.close();
    checkpoint.close();
    assertThat(checkpoint.weights().contains("t")).isTrue();
  }

  @Test
  void aPathWithSpacesAndOtherScriptsIsRead() throws IOException {
    Path odd = Files.createDirectory(dir.resolve("my model é"));
    writeSmall(odd.resolve("model.safetensors"), "t");
    try (Checkpoint checkpoint = Checkpoint.open(odd)) {
      assertThat(checkpoint.weights().byteSize()).isEqualTo(2);
    }
  }

  @Test
  void aFolderThatIsNoneIsRefused() throws IOException {
    Path missing = dir.resolve("missing");
    assertThat(refusal(missing, missing))
        .hasMessageEndingWith("a model folder, found nothing there");
    Path file = writeSmall(dir.resolve("x.gguf"), "t");
    assertThat(refusal(file, file)).hasMessageEndingWith("a model folder, found a file");
  }

  @Test
  void aFolderWithoutSafetensorsSaysWhatItHas() throws IOException {
    assertThat(refusal(dir, dir)).hasMessageEndingWith("found no weights");
    Files.createFile(dir.resolve("pytorch_model.bin"));
    assertThat(refusal(dir, dir))
        .hasMessageContaining("expected model.safetensors or model.safetensors.index.json")
        .hasMessageContaining("only \"pytorch_model.bin\"")
        .hasMessageContaining("convert it");
    Files.createFile(dir.resolve("a.gguf"));
    assertThat(refusal(dir, dir)).hasMessageContaining("only \"a.gguf\", \"pytorch_model.bin\"");
    Files.createFile(dir.resolve("consolidated.safetensors"));
    assertThat(refusal(dir, dir)).hasMessageContaining("not the names under which");
    Files.createFile(dir.resolve("model-00001-of-00002.safetensors"));
    assertThat(refusal(dir, dir)).hasMessageContaining("shards without their index");
  }

  @Test
  void aDirectoryInPlaceOfAFileIsRefused() throws IOException {
    Files.createDirectory(single());
    assertThat(refusal(dir, single())).hasMessageEndingWith("a regular file, found a directory");
  }

  @Test
  void aPipeIsRefusedWithoutOpeningIt() throws Exception {
    Process mkfifo = new ProcessBuilder("mkfifo", single().toString()).start();
    assertThat(mkfifo.waitFor()).isZero();
    assertThat(refusal(dir, single())).hasMessageContaining("found a special file (pipe");
  }

  @Test
  void aLinkToNothingIsRefused() throws IOException {
    Files.createSymbolicLink(single(), dir.resolve("gone"));
    assertThat(refusal(dir, single())).hasMessageEndingWith("found a symbolic link to nothing");
  }

  @Test
  void aSingleFileMayBeALinkOutOfTheFolder() throws IOException {
    Path elsewhere = Files.createDirectory(dir.resolve("elsewhere"));
    Path model = Files.createDirectory(dir.resolve("model"));
    Files.createSymbolicLink(
        model.resolve("model.safetensors"), writeSmall(elsewhere.resolve("big"), "t"));
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      assertThat(checkpoint.weights().names()).containsExactly("t");
    }
  }

  @Test
  void anUnreadableFileIsRefused() throws IOException {
    writeSmall(single(), "t");
    Files.setPosixFilePermissions(single(), PosixFilePermissions.fromString("---------"));
    if (Files.isReadable(single())) {
      // Root reads everything but the write-only switches of the kernel.
      Path writeOnly = Path.of("/proc/sys/vm/drop_caches");
      assumeThat(writeOnly).exists();
      Files.delete(single());
      Files.createSymbolicLink(single(), writeOnly);
    }
    assertThat(refusal(dir, single())).hasMessageContaining("permission is denied");
    Files.delete(single());
  }

  @Test
  void emptyTruncatedAndPointerFilesAreRefused() throws IOException {
    Files.createFile(single());
    assertThat(refusal(dir, single())).hasMessageEndingWith("found an empty file");
    Files.writeString(single(), "1234567");
    assertThat(refusal(dir, single())).hasMessageEndingWith("found a file of 7 bytes");
    Files.writeString(single(), "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    assertThat(refusal(dir, single())).hasMessageContaining("git lfs pull");
    Files.write(single(), RawFile.of("{" + entry("t", "F32", "[8]", 0, 32) + "}", 30));
    assertThat(refusal(dir, single()))
        .hasMessageContaining("expected 32 bytes of data")
        .hasMessageContaining("found only 30, 2 are missing");
  }

  @Test
  void filesAndTensorsOverFourGibibytesAreMapped() throws IOException {
    long large = (4L << 30) + 3;
    String header =
        "{"
            + entry("large", "U8", "[" + large + "]", 0, large)
            + ","
            + entry("last", "BF16", "[2]", large, large + 4)
            + "}";
    ByteBuffer start = ByteBuffer.wrap(RawFile.of(header, 0));
    long dataOffset = start.limit();
    // A sparse file: only the first and the last page take room on the disk.
    try (FileChannel channel =
        FileChannel.open(
            single(),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.SPARSE)) {
      channel.write(start, 0);
      byte[] end = {9, 0, 0, (byte) 0x80, 0x3f};
      channel.write(ByteBuffer.wrap(end), dataOffset + large - 1);
    }
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      StoredTensor tensor = checkpoint.weights().get("large");
      assertThat(tensor.elementCount()).isEqualTo(large);
      assertThat(tensor.floatAt(large - 1)).isEqualTo(9f);
      assertThat(tensor.floatAt(large / 2)).isZero();
      StoredTensor last = checkpoint.weights().get("last");
      assertThat(last.fileOffset()).isEqualTo(dataOffset + large);
      assertThat(last.floatAt(1)).isEqualTo(1f);
      assertThat(checkpoint.weights().byteSize()).isEqualTo(large + 4);
    }
  }
}
