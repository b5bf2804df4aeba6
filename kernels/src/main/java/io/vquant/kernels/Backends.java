package io.vquant.kernels;

import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cpu.CpuBackend;
import io.vquant.kernels.cpu.CpuWarmUp;
import io.vquant.kernels.cuda.CudaBackend;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.Device;

/** The list of backends. Opening one never falls back to another. */
public final class Backends {

  private Backends() {}

  /** Preparations beside the loading of a model; closing ends them. */
  @FunctionalInterface
  public interface WarmUp extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Gets the compiler to see a device's kernels before they are needed; changes no result.
   *
   * @param weights how those of the model will be kept
   */
  public static WarmUp warmUp(Device device, WeightPolicy weights) {
    return device.kind() == Device.Kind.CPU ? CpuWarmUp.start(weights.body())::close : () -> {};
  }

  /**
   * Opens the backend of a device.
   *
   * @throws io.vquant.kernels.backend.UnsupportedKernelException if this build or this machine
   *     cannot run on it
   */
  public static KernelBackend open(Device device, BackendOptions options) {
    return switch (device.kind()) {
      case CPU -> new CpuBackend(options);
      case REFERENCE -> reference(options);
      case CUDA -> cuda(device, options);
    };
  }

  private static KernelBackend cuda(Device device, BackendOptions options) {
    if (options.prefill().isPresent()) {
      throw new UnsupportedKernelException(
          "low-bit attention of prompts in the cache on " + device + ": there is cpu");
    }
    return new CudaBackend(device.ordinal());
  }

  private static KernelBackend reference(BackendOptions options) {
    if (options.prefill().isPresent()) {
      throw new UnsupportedKernelException(
          "low-bit attention of prompts in the cache on reference: there is cpu");
    }
    return new ReferenceBackend();
  }
}
