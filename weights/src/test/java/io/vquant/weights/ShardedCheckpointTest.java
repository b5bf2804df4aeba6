package io.vquant.weights;

import static io.vquant.weights.safetensors.RawFile.writeSmall;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardedCheckpointTest {
  @TempDir Path root;
  private Path dir;
  private Path index;

  @BeforeEach
  void makeFolder() throws IOException {
    dir = Files.createDirectory(root.resolve("model"));
    index = dir.resolve("model.safetensors.index.json");
    writeSmall(dir.resolve("s1.safetensors"), "a");
    writeSmall(dir.resolve("s2.safetensors"), "b");
  }

  private void writeIndex(String weightMap) throws IOException {
    Files.writeString(
        index, "{\"metadata\":{\"total_size\":4.0},\"weight_map\":" + weightMap + "}");
  }

  private MalformedCheckpointException refusal() {
    return refusal(index);
  }

  private MalformedCheckpointException refusal(Path file) {
    MalformedCheckpointException refusal =
        catchThrowableOfType(
            MalformedCheckpointException.class, () -> Checkpoint.open(dir).close());
    assertThat(refusal).isNotNull();
    assertThat(refusal.file()).isEqualTo(file);
    assertThat(refusal.getMessage()).startsWith(file.toString()).hasLineCount(1);
    return refusal;
  }

  @Test
  void shardsAreReadTogether() throws IOException {
    writeIndex("{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}");
    Files.writeString(dir.resolve("s3.safetensors"), "not in the index, so not looked at");
    long size = Files.size(dir.resolve("s1.safetensors"));
    List<Long> steps = new ArrayList<>();
    try (Checkpoint checkpoint =
        Checkpoint.open(
            dir,
            (done, total) -> {
              assertThat(total).isEqualTo(2 * size);
              steps.add(done);
            })) {
      assertThat(checkpoint.weights().names()).containsExactly("a", "b");
      assertThat(checkpoint.weights().files())
          .containsExactly(dir.resolve("s1.safetensors"), dir.resolve("s2.safetensors"));
    }
    assertThat(steps).containsExactly(size, 2 * size);
  }

  @Test
  void missingShardsAreNamed() throws IOException {
    writeIndex("{\"a\":\"s1.safetensors\",\"b\":\"s8.safetensors\",\"c\":\"s9.safetensors\"}");
    assertThat(refusal())
        .hasMessageContaining("expected all 3 shards that it names")
        .hasMessageContaining("found 2 missing: \"s8.safetensors\", \"s9.safetensors\"");
  }

  @Test
  void aShardThatIsNoFileIsRefused() throws IOException {
    writeIndex("{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}");
    Path shard = dir.resolve("s2.safetensors");
    Files.delete(shard);
    Files.createSymbolicLink(shard, dir.resolve("gone"));
    assertThat(refusal(shard)).hasMessageEndingWith("found a symbolic link to nothing");
    Files.delete(shard);
    Files.createDirectory(shard);
    assertThat(refusal(shard)).hasMessageEndingWith("found a directory");
  }

  @Test
  void aTensorInTwoShardsIsRefused() throws IOException {
    writeSmall(dir.resolve("s2.safetensors"), "a");
    writeIndex("{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}");
    assertThat(refusal().tensor()).isEqualTo("a");
    assertThat(refusal())
        .hasMessageContaining("it in \"s1.safetensors\" and in \"s2.safetensors\"");
  }

  @Test
  void aTensorMissingFromItsShardIsRefused() throws IOException {
    writeIndex("{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\",\"c\":\"s1.safetensors\"}");
    assertThat(refusal().tensor()).isEqualTo("c");
    assertThat(refusal())
        .hasMessageEndingWith("expected it in \"s1.safetensors\", found no such tensor there");
  }

  @Test
  void aTensorInAnotherShardThanStatedIsRefused() throws IOException {
    writeIndex("{\"a\":\"s2.safetensors\",\"b\":\"s1.safetensors\"}");
    assertThat(refusal())
        .hasMessageEndingWith("expected it in \"s2.safetensors\", found it in \"s1.safetensors\"");
  }

  @Test
  void aTensorThatTheIndexDoesNotListIsRefused() throws IOException {
    writeSmall(dir.resolve("s2.safetensors"), "unlisted");
    writeIndex("{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}");
    assertThat(refusal().tensor()).isEqualTo("unlisted");
    assertThat(refusal()).hasMessageContaining("weight_map to list it");
  }

  @Test
  void aDamagedShardIsNamedItself() throws IOException {
    writeIndex("{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}");
    Path last = dir.resolve("s2.safetensors");
    byte[] bytes = Files.readAllBytes(last);
    Files.write(last, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    assertThat(refusal(last)).hasMessageContaining("found only 1, 1 are missing");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../s1.safetensors",
        "..",
        ".",
        "",
        " ",
        "/etc/passwd",
        "sub/s1.safetensors",
        "..\\\\s1.safetensors",
        "C:\\\\s1.safetensors",
        "s1.safetensors\\u0000"
      })
  void aNameThatIsMoreThanAFileNameIsRefused(String shard) throws IOException {
    writeSmall(root.resolve("s1.safetensors"), "a");
    writeIndex("{\"a\":\"" + shard + "\"}");
    assertThat(refusal().tensor()).isEqualTo("a");
    assertThat(refusal()).hasMessageContaining("the plain name of a file in this folder");
  }

  @Test
  void aLinkOutOfTheFolderIsRefusedAndOneInsideIsNot() throws IOException {
    Path outside = writeSmall(root.resolve("outside"), "c");
    Path link = dir.resolve("s3.safetensors");
    Files.createSymbolicLink(link, outside);
    writeIndex("{\"c\":\"s3.safetensors\"}");
    assertThat(refusal())
        .hasMessageContaining("expected a shard inside this folder")
        .hasMessageContaining("\"s3.safetensors\", a link to " + outside.toRealPath());

    Files.delete(link);
    Files.createSymbolicLink(link, writeSmall(dir.resolve("inside"), "c"));
    try (Checkpoint checkpoint = Checkpoint.open(dir)) {
      assertThat(checkpoint.weights().names()).containsExactly("c");
    }
  }

  @Test
  void theLinksOfTheHubCacheAreFollowedToItsBlobsOnly() throws IOException {
    Path repository = root.resolve("models--org--name");
    Path blobs = Files.createDirectories(repository.resolve("blobs"));
    Path snapshot = Files.createDirectories(repository.resolve("snapshots/abc123"));
    Path shard = snapshot.resolve("s1.safetensors");
    writeSmall(blobs.resolve("f00d"), "a");
    Files.writeString(blobs.resolve("beef"), "{\"weight_map\":{\"a\":\"s1.safetensors\"}}");
    Files.createSymbolicLink(shard, Path.of("../../blobs/f00d"));
    Files.createSymbolicLink(
        snapshot.resolve("model.safetensors.index.json"), Path.of("../../blobs/beef"));
    try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
      assertThat(checkpoint.weights().names()).containsExactly("a");
    }

    Files.delete(shard);
    Files.createSymbolicLink(shard, writeSmall(repository.resolve("elsewhere"), "a"));
    dir = snapshot;
    index = snapshot.resolve("model.safetensors.index.json");
    assertThat(refusal()).hasMessageContaining("a shard inside this folder");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[]|the index to be a JSON object",
        "{}|a weight_map with at least one tensor, found none",
        "{\"weight_map\":{}}|found an empty one",
        "{\"weight_map\":[]}|weight_map to be an object, found an array",
        "{\"weight_map\":null}|weight_map to be an object",
        "{\"weight_map\":{\"a\":1}}|to be a string, found the number \"1\"",
        "{\"weight_map\":{\"a\":null}}|to be a string, found \"null\"",
        "{\"weight_map\":{\"a\":\"s1\",\"a\":\"s1\"}}|Duplicate",
        "{\"weight_map\":{},\"weight_map\":{}}|Duplicate",
        "{\"weight_map\":{\"a\":\"s1\"}} {}|nothing after the JSON document",
        "{\"weight_map\":{\"a\":\"s1\"|valid JSON",
        "weight_map|valid JSON",
        "<!DOCTYPE html><html>|a web page",
        "version https://git-lfs.github.com/spec/v1|git lfs pull"
      })
  void anIndexThatIsNoneIsRefused(String text, String hint) throws IOException {
    Files.writeString(index, text);
    assertThat(refusal()).hasMessageContaining(hint);
  }

  @Test
  void anEmptyOrDeeplyNestedIndexIsRefused() throws IOException {
    Files.createFile(index);
    assertThat(refusal()).hasMessageContaining("found an empty file");
    Files.writeString(index, "{\"metadata\":" + "[".repeat(100_000));
    assertThat(refusal()).hasMessageContaining("nesting");
    Files.delete(index);
    Files.createDirectory(index);
    assertThat(refusal()).hasMessageContaining("found a directory");
  }
}
