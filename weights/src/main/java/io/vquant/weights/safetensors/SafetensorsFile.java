package io.vquant.weights.safetensors;

import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One mapped safetensors file whose header keeps all rules of the format.
 *
 * @param tensors by name, ordered by their place in the file; usable until the arena is closed
 * @param metadata what the header has under {@code __metadata__}; empty where it has none
 * @param byteSize of the whole file
 */
public record SafetensorsFile(
    Path file, Map<String, StoredTensor> tensors, Map<String, String> metadata, long byteSize) {

  /**
   * Maps a file and checks its header. Reads no values.
   *
   * @param arena ends the life of the mapping when it is closed
   * @throws MalformedCheckpointException if the file cannot be read or breaks a rule of the format
   */
  public static SafetensorsFile open(Path file, Arena arena) {
    return parse(file, MappedFile.map(file, arena));
  }

  /** As {@link #open}, of bytes that are in memory already. */
  static SafetensorsFile parse(Path file, MemorySegment bytes) {
    SafetensorsHeader header = SafetensorsHeader.parse(file, bytes);
    Map<String, StoredTensor> tensors = LinkedHashMap.newLinkedHashMap(header.tensors().size());
    for (TensorEntry entry : header.tensors()) {
      long fileOffset = header.dataOffset() + entry.begin();
      MemorySegment data = bytes.asSlice(fileOffset, entry.end() - entry.begin());
      tensors.put(
          entry.name(),
          new StoredTensor(entry.name(), entry.type(), entry.shape(), data, file, fileOffset));
    }
    return new SafetensorsFile(
        file, Collections.unmodifiableMap(tensors), header.metadata(), bytes.byteSize());
  }
}
