package io.vquant.weights.safetensors;

import static io.vquant.weights.MalformedCheckpointException.UNKNOWN_OFFSET;

import io.vquant.weights.MalformedCheckpointException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Maps whole files, and says what stands in the way where that cannot be done. */
final class MappedFile {
  private MappedFile() {}

  /**
   * The bytes of the file, read-only, until the arena is closed.
   *
   * @throws MalformedCheckpointException if there is no such regular file, or it cannot be read
   */
  static MemorySegment map(Path file, Arena arena) {
    // Before opening: to open a pipe would block until somebody writes to it.
    if (!Files.isRegularFile(file)) {
      throw malformed(file, "a regular file", kind(file), null);
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (AccessDeniedException denied) {
      throw malformed(file, "a readable file", "that permission is denied", denied);
    } catch (IOException failure) {
      throw malformed(file, "a readable file", String.valueOf(failure.getMessage()), failure);
    }
  }

  private static String kind(Path file) {
    if (Files.isDirectory(file)) {
      return "a directory";
    }
    if (Files.exists(file)) {
      return "a special file (pipe, socket or device)";
    }
    if (Files.isSymbolicLink(file)) {
      return "a symbolic link to nothing";
    }
    return Files.notExists(file, LinkOption.NOFOLLOW_LINKS) ? "no such file" : "no access to it";
  }

  private static MalformedCheckpointException malformed(
      Path file, String expected, String found, @Nullable Exception cause) {
    return new MalformedCheckpointException(file, null, UNKNOWN_OFFSET, expected, found, cause);
  }
}
