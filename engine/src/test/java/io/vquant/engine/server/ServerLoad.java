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
        countVirtualThreads(),
        usedHeap());
  }

  private static long usedHeap() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      System.gc();
      Thread.sleep(50);
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  /** From a thread dump: nothing else tells of virtual threads. */
  private static long countVirtualThreads() throws IOException {
    Path file = Path.of("target", "threads.txt").toAbsolutePath();
    Files.deleteIfExists(file);
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
        .dumpThreads(file.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.TEXT_PLAIN);
    return Files.readAllLines(file).stream()
        .filter(line -> line.startsWith("#") && line.contains(" virtual"))
        .count();
  }
}
