package io.vquant.engine.runtime;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** The weight files of a folder, before any is opened. */
public final class WeightFiles {
  private WeightFiles() {}

  /**
   * Bytes of the files named {@code model*.safetensors}; 0 where there are none or they cannot be
   * seen (opening them says why).
   */
  public static long byteSize(Path modelDirectory) {
    long sum = 0;
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(modelDirectory, "model*.safetensors")) {
      for (Path file : files) {
        if (Files.isRegularFile(file)) {
          sum += Files.size(file);
        }
      }
      return sum;
    } catch (IOException unreadable) {
      return 0;
    }
  }
}
