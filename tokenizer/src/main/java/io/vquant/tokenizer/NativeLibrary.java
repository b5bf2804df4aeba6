package io.vquant.tokenizer;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.jni.LibUtils;
import java.nio.file.Path;

/**
 * Loads the Rust library. This is the one place where the engine sets system properties for DJL,
 * which reads them once, when its first class is initialized:
 *
 * <ul>
 *   <li>{@code ai.djl.offline=true}, {@code OPT_OUT_TRACKING=true}: no download, no telemetry
 *       (without them DJL connects to 169.254.169.254);
 *   <li>{@code RUST_FLAVOR=cpu}: the build for the CPU that is in the jar, also where a GPU is
 *       found (that flavour would be downloaded);
 *   <li>{@code ENGINE_CACHE_DIR}: the folder of the caller into which the library is unpacked (by
 *       rename, so two processes may do so at once).
 * </ul>
 *
 * The folder of the first call in a process stays in use: a JVM loads a native library once.
 */
final class NativeLibrary {
  private NativeLibrary() {}

  /**
   * @throws IllegalStateException if the library cannot be unpacked into {@code cacheDir} or loaded
   */
  static void load(Path cacheDir) {
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("OPT_OUT_TRACKING", "true");
    System.setProperty("RUST_FLAVOR", "cpu");
    System.setProperty("ENGINE_CACHE_DIR", cacheDir.toAbsolutePath().toString());
    try {
      LibUtils.checkStatus();
    } catch (EngineException | LinkageError | IllegalStateException e) {
      Throwable root = e;
      while (root.getCause() != null) {
        root = root.getCause();
      }
      String reason = String.valueOf(root).replaceAll("\\p{Cntrl}+", " ");
      throw new IllegalStateException(
          "the native tokenizer library cannot be loaded from %s: %s".formatted(cacheDir, reason),
          e);
    }
  }
}
