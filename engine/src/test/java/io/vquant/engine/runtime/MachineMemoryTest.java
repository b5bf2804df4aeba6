package io.vquant.engine.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineMemoryTest {
  @TempDir Path root;

  private void file(String name, String content) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
  }

  private long available() {
    return MachineMemory.under(root).availableBytes();
  }

  @Test
  void withoutGroupsItIsWhatTheMachineHas() throws IOException {
    assertThat(available()).isEqualTo(Long.MAX_VALUE);
    file("proc/meminfo", "MemTotal:  9000 kB\nMemFree: 10 kB\nMemAvailable:    4096 kB\n");
    assertThat(available()).isEqualTo(4096L * 1024);
  }

  @Test
  void theTightestGroupOfVersion2Counts() throws IOException {
    file("proc/meminfo", "MemAvailable:    4096 kB\n");
    file("proc/self/cgroup", "0::/outer/inner\n");
    file("sys/fs/cgroup/outer/memory.max", "3000000\n");
    file("sys/fs/cgroup/outer/memory.current", "2500000\n");
    file("sys/fs/cgroup/outer/memory.stat", "anon 5\ninactive_file 200000\nactive_file 100000\n");
    file("sys/fs/cgroup/outer/inner/memory.max", "max\n");
    file("sys/fs/cgroup/outer/inner/memory.current", "2500000\n");
    assertThat(available()).isEqualTo(800_000);
  }

  @Test
  void aContainerOfVersion1SeesItsGroupAtTheMount() throws IOException {
    file("proc/meminfo", "MemAvailable:    4096 kB\n");
    file("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n");
    file("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
    file("sys/fs/cgroup/memory/memory.usage_in_bytes", "1100000\n");
    assertThat(available()).isZero();
    file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assertThat(available()).isEqualTo(4096L * 1024);
  }

  @Test
  void thisMachineHasSome() {
    assertThat(MachineMemory.ofThisMachine().availableBytes()).isPositive();
  }
}
