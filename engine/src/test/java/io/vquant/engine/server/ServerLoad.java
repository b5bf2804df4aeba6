package io.vquant.engine.server;

import com.sun.management.HotSpotDiagnosticMXBean;
import io.vquant.engine.batching.BatchCounters;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a server that has nothing to do holds.
 *
 * @param leakedCacheBytes of sequences that have ended
 * @param prefixBytes of shared pages, which stay
 * @param virtualThreads those of requests: one each
 * @param heapBytes reachable, after a collection
 */
record ServerLoad(
    long leakedCacheBytes,
    long prefixBytes,
    int platformThreads,
    long virtualThreads,
    long heapBytes) {

  static ServerLoad of(ServerFixture fixture) throws IOException, InterruptedException {
    BatchCounters counters = fixture.idle();
    return new ServerLoad(
        counters.cacheByteSize() - counters.prefixByteSize(),
        counters.prefixByteSize(),
        ManagementFactory.getThreadMXBean().getThreadCount(),
        settledVirtualThreads(),
        usedHeap());
  }

  /** Threads of answers that have ended may still be on their way out. */
  private static long settledVirtualThreads() throws IOException, InterruptedException {
    long count = countVirtualThreads();
    for (int i = 0; count > 0 && i < 50; i++) {
      Thread.sleep(100);
      count = countVirtualThreads();
    }
    return count;
  }

  private static long usedHeap() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(50);
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  /** From a thread dump: nothing else tells of virtual threads. The JDK's own wait for sockets. */
  private static long countVirtualThreads() throws IOException {
    Path file = Path.of("target", "threads.txt").toAbsolutePath();
    Files.deleteIfExists(file);
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
        .dumpThreads(file.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
    return Files.readAllLines(file).stream()
        .filter(line -> line.startsWith("#") && line.contains(" virtual"))
        .filter(line -> !line.contains("Poller"))
        .count();
  }
}
