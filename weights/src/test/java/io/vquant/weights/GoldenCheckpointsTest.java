package io.vquant.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.vquant.weights.safetensors.SafetensorsFile;
import io.vquant.weights.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that the Python safetensors library wrote. */
class GoldenCheckpointsTest {
  private static final Path GOLDENS =
      Path.of(System.getProperty("vquant.test.shared", "shared")).resolve("goldens");

  private static List<Path> folders() throws IOException {
    assumeThat(GOLDENS).isDirectory();
    try (Stream<Path> entries = Files.list(GOLDENS)) {
      return entries.filter(entry -> Files.exists(entry.resolve("config.json"))).sorted().toList();
    }
  }

  @Test
  void everyFolderIsReadAndItsValuesAreFinite() throws IOException {
    assertThat(folders()).hasSizeGreaterThanOrEqualTo(14);
    for (Path folder : folders()) {
      String name = folder.getFileName().toString();
      String dtype = name.substring(name.lastIndexOf('-') + 1).toUpperCase(java.util.Locale.ROOT);
      try (Checkpoint checkpoint = Checkpoint.open(folder)) {
        WeightStore weights = checkpoint.weights();
        StoredTensor embedding = weights.get("model.embed_tokens.weight");
        assertThat(embedding.shape().getFirst()).as("vocabulary of %s", folder).isEqualTo(512L);
        assertThat(weights.tensors())
            .as("types in %s", folder)
            .allMatch(tensor -> tensor.type().code().equals(dtype));
        assertThat(TensorScan.ofAll(weights, ReadProgress.NONE))
            .as("scans of %s", folder)
            .hasSize(weights.names().size())
            .allMatch(TensorScan::isFinite);
        assertThat(WeightScope.of(weights).child("model").child("layers").child(2).unread())
            .as("third layer of %s", folder)
            .hasSizeGreaterThanOrEqualTo(9);
      }
    }
  }

  @Test
  void theShardedFolderHasTheSizeThatItsIndexStates() throws IOException {
    assumeThat(GOLDENS).isDirectory();
    try (Checkpoint checkpoint =
        Checkpoint.open(GOLDENS.resolve("llama-heads9-d80-sharded-bf16"))) {
      WeightStore weights = checkpoint.weights();
      assertThat(weights.files()).hasSize(13);
      assertThat(weights.byteSize()).isEqualTo(2_474_208);
      assertThat(weights.tensors().stream().mapToLong(StoredTensor::elementCount).sum())
          .isEqualTo(1_237_104);
      assertThat(weights.get("model.layers.0.self_attn.q_proj.weight").shape())
          .containsExactly(720L, 144L);
    }
  }

  @Test
  void recordedTokenIdsAreInsideTheVocabulary() throws IOException {
    for (Path folder : folders()) {
      try (Arena arena = Arena.ofConfined()) {
        var tensors = SafetensorsFile.open(folder.resolve("golden.safetensors"), arena).tensors();
        StoredTensor ids = tensors.get("input_ids");
        assertThat(ids.type()).isEqualTo(ElementType.I64);
        assertThat(tensors.get("logits").shape()).containsExactly(ids.elementCount(), 512L);
        for (long i = 0; i < ids.elementCount(); i++) {
          assertThat(ids.floatAt(i)).as("%s, id %d", folder, i).isBetween(0f, 511f);
        }
      }
    }
  }

  @Test
  void theWriterMakesTheSameBytes(@TempDir Path dir) throws IOException {
    for (Path folder : folders()) {
      Path golden = folder.resolve("golden.safetensors");
      Path copy = dir.resolve(folder.getFileName() + ".safetensors");
      try (Arena arena = Arena.ofConfined()) {
        SafetensorsFile read = SafetensorsFile.open(golden, arena);
        SafetensorsWriter writer = new SafetensorsWriter();
        read.metadata().forEach(writer::metadata);
        read.tensors().values().forEach(writer::add);
        writer.write(copy);
      }
      assertThat(Files.mismatch(golden, copy)).as("first difference in %s", golden).isEqualTo(-1);
    }
  }
}
