package io.vquant.weights;

import static io.vquant.weights.MalformedCheckpointException.UNKNOWN_OFFSET;
import static io.vquant.weights.MalformedCheckpointException.quoted;

import io.vquant.weights.safetensors.SafetensorsFile;
import io.vquant.weights.safetensors.ShardIndex;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Decides which files of a model folder are its weights, and maps them. */
final class ModelFolder {
  private static final String SINGLE_FILE = "model.safetensors";
  private static final String INDEX_FILE = "model.safetensors.index.json";
  private static final String EXPECTED = "model.safetensors or model.safetensors.index.json";
  private static final List<String> FOREIGN_ENDINGS =
      List.of(".safetensors", ".bin", ".gguf", ".ggml", ".pt", ".pth", ".ckpt", ".onnx", ".h5");
  private static final int MAX_NAMED_FILES = 3;

  /** A folder of another kind may hold millions of files; a message needs only the first few. */
  private static final int MAX_LISTED_FILES = 10_000;

  private final Path dir;

  ModelFolder(Path dir) {
    this.dir = dir;
  }

  List<StoredTensor> mapTensors(Arena arena, ReadProgress progress) {
    if (!Files.isDirectory(dir)) {
      throw malformed("a model folder", Files.exists(dir) ? "a file" : "nothing there");
    }
    Path single = dir.resolve(SINGLE_FILE);
    if (isPresent(single)) {
      return mapSingle(single, arena, progress);
    }
    Path index = dir.resolve(INDEX_FILE);
    if (isPresent(index)) {
      return mapShards(ShardIndex.read(index), arena, progress);
    }
    throw malformed(EXPECTED, otherFiles());
  }

  private static List<StoredTensor> mapSingle(Path file, Arena arena, ReadProgress progress) {
    SafetensorsFile mapped = SafetensorsFile.open(file, arena);
    progress.advanced(mapped.byteSize(), mapped.byteSize());
    return List.copyOf(mapped.tensors().values());
  }

  private static List<StoredTensor> mapShards(
      ShardIndex index, Arena arena, ReadProgress progress) {
    SortedMap<String, Path> paths = index.resolveShards();
    long totalBytes = 0;
    for (Path path : paths.values()) {
      // 0 where there is no such file: opening it below says what is wrong.
      totalBytes += path.toFile().length();
    }
    SortedMap<String, SafetensorsFile> shards = new TreeMap<>();
    long mappedBytes = 0;
    for (var entry : paths.entrySet()) {
      SafetensorsFile shard = SafetensorsFile.open(entry.getValue(), arena);
      shards.put(entry.getKey(), shard);
      mappedBytes += shard.byteSize();
      progress.advanced(mappedBytes, Math.max(mappedBytes, totalBytes));
    }
    index.requireAgreement(shards);
    List<StoredTensor> tensors = new ArrayList<>();
    shards.values().forEach(shard -> tensors.addAll(shard.tensors().values()));
    return tensors;
  }

  /** A link to nothing counts as present: opening it then says what is wrong with it. */
  private static boolean isPresent(Path file) {
    return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
  }

  private String otherFiles() {
    List<String> names = new ArrayList<>();
    int listed = 0;
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(dir)) {
      for (Path entry : entries) {
        String name = String.valueOf(entry.getFileName());
        if (FOREIGN_ENDINGS.stream().anyMatch(name::endsWith)) {
          names.add(name);
        }
        if (++listed == MAX_LISTED_FILES) {
          break;
        }
      }
    } catch (IOException | DirectoryIteratorException failure) {
      return "a folder that cannot be listed (" + failure + ")";
    }
    if (names.isEmpty()) {
      return "no weights";
    }
    names.sort(null);
    List<String> named = names.subList(0, Math.min(names.size(), MAX_NAMED_FILES));
    String more =
        names.size() > named.size() ? " and " + (names.size() - named.size()) + " more" : "";
    return "only "
        + String.join(", ", named.stream().map(n -> quoted(n)).toList())
        + more
        + hint(names);
  }

  private static String hint(List<String> names) {
    if (names.stream().anyMatch(name -> name.matches("model-\\d+-of-\\d+\\.safetensors"))) {
      return " (shards without their index)";
    }
    if (names.stream().anyMatch(name -> name.endsWith(".safetensors"))) {
      return " (not the names under which transformers saves a model)";
    }
    return " (a format that this engine does not read; convert it to safetensors)";
  }

  private MalformedCheckpointException malformed(String expected, String found) {
    return new MalformedCheckpointException(dir, null, UNKNOWN_OFFSET, expected, found);
  }
}
