package io.vquant.kernels.cuda;

import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cuda.blas.BlasLibrary;
import io.vquant.kernels.cuda.driver.CudaContext;
import io.vquant.kernels.cuda.driver.CudaDevice;
import io.vquant.kernels.cuda.driver.CudaDriver;
import io.vquant.kernels.cuda.driver.CudaException;
import io.vquant.kernels.cuda.driver.UnavailableDriverException;
import java.util.List;
import java.util.Optional;

/** Whether this build and this machine can run on a CUDA device; if not, why. */
public final class CudaAvailability {
  private static final int MIN_MAJOR = 8;

  private CudaAvailability() {}

  /** {@code nvcc 13.0, 21 kernels}; empty when this build holds none. */
  public static Optional<String> kernels() {
    return KernelImages.ofThisBuild()
        .map(images -> "nvcc " + images.toolkit() + ", " + entryCount(images) + " kernels");
  }

  private static long entryCount(KernelImages images) {
    return images.entries().stream().map(line -> line.split(" ", -1)[1]).distinct().count();
  }

  /**
   * Opens a device and describes it: {@code NVIDIA H200, compute capability 9.0, ...}.
   *
   * @throws UnsupportedKernelException if it cannot; the message says why
   */
  public static String describe(int ordinal) {
    CudaDevice device = require(ordinal);
    try (CudaContext opened = new CudaContext(device)) {
      opened.makeCurrent();
    } catch (CudaException e) {
      throw new UnsupportedKernelException(
          "cuda:" + ordinal + ": cannot be opened: " + e.getMessage());
    }
    return "%s, compute capability %s, %d SMs, %d MiB"
        .formatted(
            device.name(),
            device.computeCapability(),
            device.multiprocessors(),
            device.totalByteSize() >> 20);
  }

  /** Who multiplies the rows of prompts with BF16 weights on this machine. */
  public static String products() {
    return BlasLibrary.load()
        .map(library -> library.name() + " for products of many BF16 rows")
        .orElse("no cuBLASLt: own kernels for all products");
  }

  static KernelImages images() {
    return KernelImages.ofThisBuild()
        .orElseThrow(() ->
            new UnsupportedKernelException(
                "this build holds no CUDA kernels: build it where nvcc is installed"));
  }

  static CudaDevice require(int ordinal) {
    String name = "cuda:" + ordinal + ": ";
    KernelImages images =
        KernelImages.ofThisBuild()
            .orElseThrow(() ->
                new UnsupportedKernelException(
                    name
                        + "this build holds no CUDA kernels: build it where nvcc is"
                        + " installed; available: cpu, reference"));
    try {
      CudaDriver driver = CudaDriver.open();
      requireDriver(name, driver, images);
      List<CudaDevice> devices = driver.devices();
      if (ordinal >= devices.size()) {
        throw new UnsupportedKernelException(
            name + "the driver shows " + devices.size() + " devices, numbered from 0");
      }
      CudaDevice device = devices.get(ordinal);
      if (device.major() < MIN_MAJOR) {
        throw new UnsupportedKernelException(
            name
                + device.name()
                + " has compute capability "
                + device.computeCapability()
                + ": expected 8.0 or later");
      }
      return device;
    } catch (UnavailableDriverException | CudaException e) {
      throw new UnsupportedKernelException(name + e.getMessage());
    }
  }

  private static void requireDriver(String name, CudaDriver driver, KernelImages images) {
    int major = driver.version() / 1000;
    if (major < images.toolkitMajor()) {
      throw new UnsupportedKernelException(
          "%sthe driver supports CUDA %d.%d, these kernels need %d.0: install a newer driver"
              .formatted(name, major, driver.version() % 1000 / 10, images.toolkitMajor()));
    }
  }
}
