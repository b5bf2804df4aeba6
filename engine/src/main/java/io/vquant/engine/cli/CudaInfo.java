package io.vquant.engine.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * NVIDIA's driver and devices, as the driver lists them below {@code /proc/driver/nvidia}; nothing
 * is loaded or started to ask.
 *
 * @param driver its version such as {@code 580.65.06}, empty when there is none
 * @param devices the names of the cards
 */
record CudaInfo(String driver, List<String> devices) {
  private static final Path DRIVER_FOLDER = Path.of("/proc/driver/nvidia");
  private static final Pattern VERSION = Pattern.compile("\\b(\\d{3,}\\.\\d+(?:\\.\\d+)?)\\b");
  private static final Pattern MODEL = Pattern.compile("(?m)^Model:\\s*(.+?)\\s*$");

  static CudaInfo ofThisMachine() {
    return read(DRIVER_FOLDER);
  }

  static CudaInfo read(Path driverFolder) {
    String driver = firstGroup(VERSION, text(driverFolder.resolve("version")));
    List<String> devices = new ArrayList<>();
    try (DirectoryStream<Path> cards = Files.newDirectoryStream(driverFolder.resolve("gpus"))) {
      for (Path card : cards) {
        devices.add(firstGroup(MODEL, text(card.resolve("information"))));
      }
    } catch (IOException e) {
      devices.clear(); // no such folder: no card
    }
    return new CudaInfo(driver, devices);
  }

  private static String firstGroup(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    return matcher.find() ? matcher.group(1) : "";
  }

  private static String text(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
