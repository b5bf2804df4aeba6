package io.vquant.engine.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * Memory that this process may still take: what the machine has available, and what control groups
 * (versions 1 and 2) leave. Cached file contents count as available, as the system gives them up.
 */
public final class MachineMemory {
  private final Path root;

  private MachineMemory(Path root) {
    this.root = root;
  }

  /** The memory of this machine. */
  public static MachineMemory ofThisMachine() {
    return new MachineMemory(Path.of("/"));
  }

  /** A machine whose {@code proc} and {@code sys} lie under {@code root}. */
  static MachineMemory under(Path root) {
    return new MachineMemory(root);
  }

  /** Available bytes; {@link Long#MAX_VALUE} where the system tells nothing. */
  public long availableBytes() {
    long available = Long.MAX_VALUE;
    for (String line : lines("proc/meminfo")) {
      String[] fields = line.split("\\s+", 3);
      if (fields[0].equals("MemAvailable:")) {
        available = Long.parseLong(fields[1]) * 1024;
      }
    }
    for (String line : lines("proc/self/cgroup")) {
      String[] fields = line.split(":", 3);
      if (fields.length < 3) {
        continue;
      }
      if (fields[0].equals("0")) {
        available =
            Math.min(
                available,
                leftInGroups("sys/fs/cgroup", fields[2], "memory.max", "memory.current"));
      } else if (List.of(fields[1].split(",")).contains("memory")) {
        available =
            Math.min(
                available,
                leftInGroups(
                    "sys/fs/cgroup/memory",
                    fields[2],
                    "memory.limit_in_bytes",
                    "memory.usage_in_bytes"));
      }
    }
    return Math.max(0, available);
  }

  /** The least that a group or one above it leaves; a container sees its own group as the mount. */
  private long leftInGroups(String mount, String group, String limitFile, String usageFile) {
    long left = Long.MAX_VALUE;
    Path below = Path.of("/").relativize(Path.of("/").resolve(group).normalize());
    List<String> directories = new ArrayList<>(List.of(mount));
    for (int names = 1; names <= below.getNameCount(); names++) {
      directories.add(mount + "/" + below.subpath(0, names));
    }
    for (String directory : directories) {
      OptionalLong limit = number(directory + "/" + limitFile);
      OptionalLong usage = number(directory + "/" + usageFile);
      if (limit.isPresent() && usage.isPresent()) {
        long reclaimable = reclaimableBytes(directory + "/memory.stat");
        left = Math.min(left, limit.getAsLong() - usage.getAsLong() + reclaimable);
      }
    }
    return left;
  }

  private long reclaimableBytes(String statFile) {
    long bytes = 0;
    for (String line : lines(statFile)) {
      if (line.startsWith("inactive_file ") || line.startsWith("active_file ")) {
        bytes += Long.parseLong(line.substring(line.indexOf(' ') + 1).strip());
      }
    }
    return bytes;
  }

  /** The number in a file; empty when there is no file, or it says {@code max}. */
  private OptionalLong number(String file) {
    List<String> lines = lines(file);
    boolean numeric = !lines.isEmpty() && lines.getFirst().matches("[0-9]{1,18}");
    return numeric ? OptionalLong.of(Long.parseLong(lines.getFirst())) : OptionalLong.empty();
  }

  private List<String> lines(String file) {
    try {
      return Files.readAllLines(root.resolve(file));
    } catch (IOException absent) {
      return List.of(); // a kernel without this file sets no limit by it
    }
  }
}
