package io.vquant.weights.safetensors;

import static io.vquant.weights.MalformedCheckpointException.UNKNOWN_OFFSET;
import static io.vquant.weights.MalformedCheckpointException.quoted;

import io.vquant.weights.MalformedCheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * Turns the shard names of an index into files that lie in the index's own folder. An index comes
 * from strangers, so its names must not reach other files of the user.
 *
 * <p>One kind of link out of the folder is allowed: the cache of the Hugging Face hub keeps {@code
 * models--org--name/snapshots/revision/file} as a link to {@code models--org--name/blobs/hash}.
 */
final class ShardFolder {
  private final Path indexFile;
  private final Path folder;

  ShardFolder(Path indexFile) {
    this.indexFile = indexFile;
    Path parent = indexFile.getParent();
    this.folder = parent == null ? Path.of("") : parent;
  }

  /**
   * The file of this name.
   *
   * @param tensor the tensor for which the index names it
   * @throws MalformedCheckpointException if the name is more than a file name, or a link leads out
   */
  Path resolve(String tensor, String shardName) {
    boolean plain =
        !shardName.isBlank()
            && !shardName.equals(".")
            && !shardName.equals("..")
            && shardName.chars().noneMatch(c -> c == '/' || c == '\\' || c == 0);
    if (!plain) {
      throw malformed(tensor, "the plain name of a file in this folder", quoted(shardName));
    }
    Path shard;
    try {
      shard = folder.resolve(shardName);
    } catch (InvalidPathException invalid) {
      throw malformed(tensor, "a valid file name", quoted(shardName));
    }
    if (Files.exists(shard)) {
      requireInside(tensor, shardName, shard);
    }
    return shard;
  }

  private void requireInside(String tensor, String shardName, Path shard) {
    Path realShard;
    Path realFolder;
    try {
      realShard = shard.toRealPath();
      realFolder = folder.toRealPath();
    } catch (IOException failure) {
      throw malformed(tensor, "a shard whose path can be followed", quoted(shardName));
    }
    if (!realShard.startsWith(realFolder) && !isHubCacheBlob(realShard, realFolder)) {
      String found = quoted(shardName) + ", a link to " + realShard;
      throw malformed(tensor, "a shard inside this folder", found);
    }
  }

  private static boolean isHubCacheBlob(Path realShard, Path realFolder) {
    Path snapshots = realFolder.getParent();
    Path repository = snapshots == null ? null : snapshots.getParent();
    return repository != null
        && repository.getFileName() != null
        && snapshots.endsWith("snapshots")
        && repository.getFileName().toString().startsWith("models--")
        && realShard.startsWith(repository.resolve("blobs"));
  }

  private MalformedCheckpointException malformed(String tensor, String expected, String found) {
    return new MalformedCheckpointException(indexFile, tensor, UNKNOWN_OFFSET, expected, found);
  }
}
