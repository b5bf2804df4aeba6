package io.vquant.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * The compiled kernels on the class path, and the index that the build wrote of them: {@code nvcc
 * 13.0}, then a line for each entry point and machine code.
 */
final class KernelImages {
  private static final String FOLDER = "images/";

  private final List<String> index;

  private KernelImages(List<String> index) {
    this.index = index;
  }

  /** The images of this build; empty when it was built without nvcc. */
  static Optional<KernelImages> ofThisBuild() {
    return resource("index.txt")
        .map(bytes -> new String(bytes, StandardCharsets.UTF_8).lines().toList())
        .map(KernelImages::new);
  }

  /** Major version of the toolkit that compiled them; a driver must be as new. */
  int toolkitMajor() {
    String version = toolkit();
    return Integer.parseInt(version.substring(0, version.indexOf('.')));
  }

  /** {@code 13.0}. */
  String toolkit() {
    return index.getFirst().substring("nvcc ".length());
  }

  /** {@code linear/gemv gemv_bf16 sm_90a registers=63 stack=0 spilled=0}, and so on. */
  List<String> entries() {
    return index.subList(1, index.size());
  }

  byte[] fatbin(String module) {
    return resource(module + ".fatbin")
        .orElseThrow(() -> new IllegalStateException("no image " + module + " in this build"));
  }

  private static Optional<byte[]> resource(String name) {
    try (InputStream in = KernelImages.class.getResourceAsStream(FOLDER + name)) {
      return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException("reading " + FOLDER + name, e);
    }
  }
}
