package io.vquant.engine.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The folder beside its final place in which a model is put together: {@code .NAME.pulling}. It
 * stays when a pull ends early, and is renamed when everything in it is right. One pull at a time
 * works on it.
 */
final class StagedModel implements AutoCloseable {
  /** In a pulled folder: where it is from, and what belongs to it. */
  static final String RECORD = ".vquant-pull.json";

  private static final String COMMIT = ".commit";

  private final ModelName name;
  private final Path target;
  private final Path folder;
  private final Path lockFile;
  private final FileChannel lockChannel;

  private StagedModel(ModelName name, Path target, Path lockFile, FileChannel lockChannel) {
    this.name = name;
    this.target = target;
    this.lockFile = lockFile;
    this.lockChannel = lockChannel;
    folder = sibling(target, ".pulling");
  }

  private static Path sibling(Path target, String suffix) {
    return target.resolveSibling("." + target.getFileName() + suffix);
  }

  /**
   * Takes the right to fetch into a folder.
   *
   * @throws HubException if another process has it, or the folder holds something else
   * @throws IOException if the parent folder cannot be written
   */
  static StagedModel lock(ModelName name, Path target) throws IOException {
    if (target.getFileName() == null) {
      throw new HubException(target + ": expected a folder that can be made");
    }
    Files.createDirectories(target.getParent());
    Path lockFile = sibling(target, ".lock");
    FileChannel channel =
        FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      channel.close();
      throw new HubException(target + ": another pull is fetching it now");
    }
    StagedModel staged = new StagedModel(name, target, lockFile, channel);
    try {
      staged.requireReplaceable();
    } catch (HubException | IOException e) {
      staged.close();
      throw e;
    }
    return staged;
  }

  /** Only an empty folder, or what a pull of the same model made, gives way. */
  private void requireReplaceable() throws IOException {
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new HubException(target + ": there is a file or link, expected a folder or nothing");
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(target)) {
      if (!entries.iterator().hasNext()) {
        return;
      }
    }
    JsonNode pulled = pulledBefore();
    if (pulled == null || !pulled.path("model").asString("").equals(name.repository())) {
      throw new HubException(
          target
              + ": holds other files than a pulled "
              + name.repository()
              + "; choose another folder with --to, or move it away");
    }
  }

  private @Nullable JsonNode pulledBefore() {
    try {
      return JsonMapper.shared().readTree(Files.readAllBytes(target.resolve(RECORD)));
    } catch (IOException | JacksonException e) {
      return null;
    }
  }

  Path folder() {
    return folder;
  }

  /** The model, if it is complete at its final place in the version that the hub has. */
  @Nullable PulledModel present(HubModel model) throws IOException {
    JsonNode pulled = pulledBefore();
    if (pulled == null || !pulled.path("commit").asString("").equals(model.commit())) {
      return null;
    }
    long byteSize = 0;
    JsonNode files = pulled.path("files");
    for (Map.Entry<String, JsonNode> file : files.properties()) {
      Path path = target.resolve(file.getKey());
      long expected = file.getValue().asLong(-1);
      if (!HubFile.isHarmless(file.getKey())
          || !Files.isRegularFile(path)
          || Files.size(path) != expected) {
        return null;
      }
      byteSize += expected;
    }
    return files.isEmpty()
        ? null
        : new PulledModel(target, model.commit(), files.size(), byteSize, 0);
  }

  /** Makes the folder ready: what is left of another version goes. */
  void begin(HubModel model) throws IOException {
    Path commit = folder.resolve(COMMIT);
    boolean same =
        Files.exists(commit)
            && Files.readString(commit, StandardCharsets.US_ASCII).equals(model.commit());
    if (!same) {
      remove(folder);
      Files.createDirectories(folder);
      Files.writeString(commit, model.commit(), StandardCharsets.US_ASCII);
    }
  }

  /** Bytes of these files that are here already, whole or in part. */
  long presentBytes(List<HubFile> files) throws IOException {
    long total = 0;
    for (HubFile file : files) {
      Path whole = folder.resolve(file.name());
      Path part = whole.resolveSibling(whole.getFileName() + ".part");
      total += Files.exists(whole) ? Files.size(whole) : Files.exists(part) ? Files.size(part) : 0;
    }
    return total;
  }

  /**
   * Looks for room before hours of fetching.
   *
   * @throws HubException if the disk has not so many bytes
   */
  void requireSpace(long byteSize) throws IOException {
    long free = Files.getFileStore(folder).getUsableSpace();
    if (free < byteSize) {
      throw new HubException(
          target.getParent()
              + ": the disk has "
              + free
              + " bytes left, expected "
              + byteSize
              + ", which are still to come");
    }
  }

  /** Renames the folder to its final place; it holds these files and nothing else. */
  PulledModel publish(HubModel model, List<HubFile> files, long fetchedBytes) throws IOException {
    Map<String, Long> sizes = new LinkedHashMap<>();
    long byteSize = 0;
    for (HubFile file : files) {
      long size = Files.size(folder.resolve(file.name()));
      sizes.put(file.name(), size);
      byteSize += size;
    }
    Map<String, Object> contents = new LinkedHashMap<>();
    contents.put("model", name.repository());
    contents.put("revision", name.revision());
    contents.put("commit", model.commit());
    contents.put("files", sizes);
    Files.writeString(folder.resolve(RECORD), JsonMapper.shared().writeValueAsString(contents));
    Path old = sibling(target, ".old");
    remove(old);
    if (Files.exists(target)) {
      Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    }
    Files.move(folder, target, StandardCopyOption.ATOMIC_MOVE);
    Files.deleteIfExists(target.resolve(COMMIT));
    remove(old);
    return new PulledModel(target, model.commit(), files.size(), byteSize, fetchedBytes);
  }

  private static void remove(Path path) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      try (DirectoryStream<Path> children = Files.newDirectoryStream(path)) {
        for (Path child : children) {
          remove(child);
        }
      }
    }
    Files.deleteIfExists(path);
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(lockFile);
    lockChannel.close();
  }
}
