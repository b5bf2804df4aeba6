package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the system knows of this process and of the machine; read from {@code /proc}. */
final class ProcessFacts {
  /** Clock ticks a second in {@code /proc/PID/stat}: fixed by the x86-64 ABI of Linux. */
  private static final double TICKS_PER_SECOND = 100;

  private ProcessFacts() {}

  /**
   * Milliseconds since the first process of this command started: the launcher where there is one,
   * else this one. Exact to about 10 ms.
   *
   * @return 0 when {@code /proc} does not say
   */
  static double elapsedMillis() {
    String launcher = System.getProperty("vquant.launcher.pid", "self");
    try {
      String stat = read("/proc/" + launcher + "/stat");
      // The name, second field, may hold anything; after its ')' the start time is the 20th field.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", 21);
      double startSeconds = Long.parseLong(fields[19]) / TICKS_PER_SECOND;
      String uptime = read("/proc/uptime");
      double nowSeconds = Double.parseDouble(uptime.substring(0, uptime.indexOf(' ')));
      return Math.max(0, (nowSeconds - startSeconds) * 1000);
    } catch (IOException | RuntimeException e) {
      return 0;
    }
  }

  /** The most memory this process ever had resident, in bytes; 0 when the system does not say. */
  static long peakResidentBytes() {
    return kilobytes("/proc/self/status", "VmHWM:") * 1024;
  }

  /** Has {@link #peakResidentBytes} start again from what is resident now, where Linux can. */
  static void forgetPeak() {
    try {
      Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    } catch (IOException e) {
      return; // an older kernel: the peak stays what it was, never too low
    }
  }

  /** Memory that new work can use without swapping, in bytes; 0 when the system does not say. */
  static long availableMemoryBytes() {
    return kilobytes("/proc/meminfo", "MemAvailable:") * 1024;
  }

  /** The machine's memory in bytes; 0 when the system does not say. */
  static long totalMemoryBytes() {
    return kilobytes("/proc/meminfo", "MemTotal:") * 1024;
  }

  private static long kilobytes(String file, String key) {
    try {
      String text = read(file);
      int start = text.indexOf(key);
      if (start < 0) {
        return 0;
      }
      String rest = text.substring(start + key.length()).stripLeading();
      return Long.parseLong(rest.substring(0, rest.indexOf(' ')));
    } catch (IOException | RuntimeException e) {
      return 0;
    }
  }

  private static String read(String file) throws IOException {
    return new String(Files.readAllBytes(Path.of(file)), StandardCharsets.ISO_8859_1);
  }
}
