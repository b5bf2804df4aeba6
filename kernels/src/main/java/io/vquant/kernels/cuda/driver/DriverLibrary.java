package io.vquant.kernels.cuda.driver;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import jcuda.driver.JCudaDriver;

/**
 * Loads JCuda's native library. JCuda would unpack it under a fixed name into the folder for
 * temporary files that all users share; here it is unpacked into a new folder of this process alone
 * and deleted as soon as it is loaded.
 */
final class DriverLibrary {
  private static final String CUDA = "libcuda.so.1";
  private static final String FILE = "libJCudaDriver-12.6.0-linux-x86_64.so";

  private DriverLibrary() {}

  /**
   * Loads driver and binding; does nothing the second time.
   *
   * @throws UnavailableDriverException if this machine has no driver, or cannot load the binding
   */
  @SuppressWarnings("restricted")
  static synchronized void load() {
    try {
      SymbolLookup.libraryLookup(CUDA, Arena.global());
    } catch (IllegalArgumentException absent) {
      throw new UnavailableDriverException("no NVIDIA driver: " + CUDA + " not found");
    }
    try {
      loadBinding();
    } catch (IOException e) {
      throw new UncheckedIOException("unpacking " + FILE, e);
    } catch (LinkageError e) {
      throw new UnavailableDriverException("JCuda's " + FILE + " does not load: " + e.getMessage());
    }
  }

  private static void loadBinding() throws IOException {
    Path folder = Files.createTempDirectory("vquant-jcuda");
    Path file = folder.resolve(FILE);
    try {
      try (InputStream in = JCudaDriver.class.getResourceAsStream("/lib/" + FILE)) {
        if (in == null) {
          throw new UnavailableDriverException("this build lacks JCuda's " + FILE);
        }
        Files.copy(in, file);
      }
      // JCuda asks for this property at every load, takes a file that is there as it is, and reads
      // it in the initializer of its driver class.
      String shared = System.setProperty("java.io.tmpdir", folder.toString());
      try {
        JCudaDriver.setExceptionsEnabled(false);
      } finally {
        if (shared != null) {
          System.setProperty("java.io.tmpdir", shared);
        }
      }
    } finally {
      Files.deleteIfExists(file);
      Files.deleteIfExists(folder);
    }
  }
}
