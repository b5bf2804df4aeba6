package io.vquant.weights.safetensors;

import static io.vquant.weights.MalformedCheckpointException.UNKNOWN_OFFSET;
import static io.vquant.weights.MalformedCheckpointException.quoted;

import io.vquant.weights.MalformedCheckpointException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.core.JsonToken;

/**
 * {@code model.safetensors.index.json}: which shard holds which tensor.
 *
 * @param file the index itself
 * @param weightMap tensor name to the file name of its shard; at least one
 */
public record ShardIndex(Path file, SortedMap<String, String> weightMap) {
  private static final int MAX_NAMED_SHARDS = 3;

  /** Takes over a copy of the map. */
  public ShardIndex {
    weightMap = Collections.unmodifiableSortedMap(new TreeMap<>(weightMap));
  }

  /**
   * Reads an index. Fields other than {@code weight_map} are passed over: the total that {@code
   * metadata} states is not always kept up to date by those who edit checkpoints.
   *
   * @throws MalformedCheckpointException if it cannot be read, or is not such a JSON document
   */
  public static ShardIndex read(Path file) {
    try (Arena arena = Arena.ofConfined()) {
      return parse(file, MappedFile.map(file, arena));
    }
  }

  static ShardIndex parse(Path file, MemorySegment bytes) {
    long size = bytes.byteSize();
    if (size == 0 || size > StrictJson.MAX_BYTES) {
      String expected = "an index of 1 to " + StrictJson.MAX_BYTES + " bytes";
      throw new MalformedCheckpointException(
          file, null, UNKNOWN_OFFSET, expected, size == 0 ? "an empty file" : size + " bytes");
    }
    SortedMap<String, String> weightMap = null;
    try (StrictJson json = new StrictJson(file, bytes, 0)) {
      json.next(JsonToken.START_OBJECT, null, "the index to be a JSON object");
      while (json.nextKey()) {
        if (json.key().equals("weight_map")) {
          weightMap = parseWeightMap(json);
        } else {
          json.skipValue();
        }
      }
      json.end();
    } catch (MalformedCheckpointException fault) {
      throw ForeignContent.describe(bytes)
          .filter(found -> !found.startsWith("JSON"))
          .map(found ->
              new MalformedCheckpointException(file, null, 0, "a JSON index", found, fault))
          .orElse(fault);
    }
    if (weightMap == null || weightMap.isEmpty()) {
      String found = weightMap == null ? "none" : "an empty one";
      throw new MalformedCheckpointException(
          file, null, UNKNOWN_OFFSET, "a weight_map with at least one tensor", found);
    }
    return new ShardIndex(file, weightMap);
  }

  private static SortedMap<String, String> parseWeightMap(StrictJson json) {
    json.next(JsonToken.START_OBJECT, null, "weight_map to be an object");
    SortedMap<String, String> weightMap = new TreeMap<>();
    while (json.nextKey()) {
      String tensor = json.key();
      weightMap.put(tensor, json.nextString(tensor, "the shard in weight_map to be a string"));
    }
    return weightMap;
  }

  /**
   * The files of all shards by their names.
   *
   * @throws MalformedCheckpointException if a name leads out of the folder or a shard is missing
   */
  public SortedMap<String, Path> resolveShards() {
    ShardFolder folder = new ShardFolder(file);
    SortedMap<String, Path> shards = new TreeMap<>();
    weightMap.forEach(
        (tensor, shard) -> shards.computeIfAbsent(shard, name -> folder.resolve(tensor, name)));
    List<String> missing = new ArrayList<>();
    shards.forEach((name, path) -> {
      if (Files.notExists(path, LinkOption.NOFOLLOW_LINKS)) {
        missing.add(quoted(name));
      }
    });
    if (!missing.isEmpty()) {
      List<String> named = missing.subList(0, Math.min(missing.size(), MAX_NAMED_SHARDS));
      String more = missing.size() > named.size() ? " and others" : "";
      throw new MalformedCheckpointException(
          file,
          null,
          UNKNOWN_OFFSET,
          "all " + shards.size() + " shards that it names",
          missing.size() + " missing: " + String.join(", ", named) + more);
    }
    return shards;
  }

  /**
   * Requires that the shards together hold exactly the tensors of the index, each where it says.
   *
   * @param shards by their names in the index
   */
  public void requireAgreement(SortedMap<String, SafetensorsFile> shards) {
    Map<String, String> holders = new TreeMap<>();
    shards.forEach((shardName, shard) -> {
      for (String tensor : shard.tensors().keySet()) {
        String other = holders.putIfAbsent(tensor, shardName);
        if (other != null) {
          String found = "it in " + quoted(other) + " and in " + quoted(shardName);
          throw disagreement(tensor, "one shard to hold it", found);
        }
      }
    });
    holders.forEach((tensor, holder) -> {
      String stated = weightMap.get(tensor);
      if (stated == null) {
        throw disagreement(tensor, "weight_map to list it", "it only in " + quoted(holder));
      }
      if (!stated.equals(holder)) {
        throw disagreement(tensor, "it in " + quoted(stated), "it in " + quoted(holder));
      }
    });
    weightMap.forEach((tensor, shard) -> {
      if (!holders.containsKey(tensor)) {
        throw disagreement(tensor, "it in " + quoted(shard), "no such tensor there");
      }
    });
  }

  private MalformedCheckpointException disagreement(String tensor, String expected, String found) {
    return new MalformedCheckpointException(file, tensor, UNKNOWN_OFFSET, expected, found);
  }
}
