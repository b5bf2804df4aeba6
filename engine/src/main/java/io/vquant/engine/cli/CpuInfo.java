package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * The processor as {@code /proc/cpuinfo} describes it.
 *
 * @param name the maker's name of it
 * @param flags its features, as Linux names them
 */
record CpuInfo(String name, Set<String> flags) {
  /** Features that matter to speed, the most wanted last. */
  private static final List<String> NOTABLE =
      List.of(
          "avx2",
          "fma",
          "f16c",
          "avx_vnni",
          "avx512f",
          "avx512bw",
          "avx512_vnni",
          "avx512_bf16",
          "amx_bf16",
          "amx_int8");

  static CpuInfo ofThisMachine() {
    try {
      return parse(Files.readString(Path.of("/proc/cpuinfo"), StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return new CpuInfo("unknown", Set.of());
    }
  }

  static CpuInfo parse(String cpuinfo) {
    String name = "unknown";
    Set<String> flags = Set.of();
    for (String line : cpuinfo.lines().toList()) {
      int colon = line.indexOf(':');
      if (colon < 0) {
        if (!flags.isEmpty()) {
          break; // the next core is described the same
        }
        continue;
      }
      String key = line.substring(0, colon).strip();
      String value = line.substring(colon + 1).strip();
      if (key.equals("model name")) {
        name = value;
      } else if (key.equals("flags")) {
        flags = Set.of(value.split("\\s+"));
      }
    }
    return new CpuInfo(name, flags);
  }

  boolean has(String flag) {
    return flags.contains(flag);
  }

  /** The notable features it has. */
  List<String> notable() {
    return NOTABLE.stream().filter(flags::contains).toList();
  }
}
