package io.vquant.engine.cli;

import io.vquant.kernels.backend.UnsupportedKernelException;
import io.vquant.kernels.cuda.CudaAvailability;
import io.vquant.kernels.tensor.Device;

/**
 * The device to run on.
 *
 * @param reason why {@code auto} chose it; empty when the user did
 */
record DeviceChoice(Device device, String reason) {

  /**
   * Reads {@code auto}, {@code cpu}, {@code reference} or {@code cuda:N}.
   *
   * @throws CommandFailure if it is another word, or a device that cannot run anything here
   */
  static DeviceChoice parse(String name) {
    return switch (name) {
      case "auto" -> automatic();
      case "cpu" -> new DeviceChoice(Device.CPU, "");
      case "reference" -> new DeviceChoice(Device.REFERENCE, "");
      default -> {
        if (!name.matches("cuda(:\\d{1,4})?")) {
          throw CommandFailure.usage(
              "--device " + name + ": expected one of auto, cpu, cuda:0, reference");
        }
        int ordinal = name.equals("cuda") ? 0 : Integer.parseInt(name.substring("cuda:".length()));
        try {
          CudaAvailability.describe(ordinal);
        } catch (UnsupportedKernelException e) {
          throw CommandFailure.deviceCannot(
              "--device " + name + ": " + e.getMessage() + "; use cpu or reference");
        }
        yield new DeviceChoice(new Device(Device.Kind.CUDA, ordinal), "");
      }
    };
  }

  /** The first CUDA device where it can be used, else the CPU. */
  private static DeviceChoice automatic() {
    try {
      String description = CudaAvailability.describe(0);
      return new DeviceChoice(new Device(Device.Kind.CUDA, 0), "auto: " + description);
    } catch (UnsupportedKernelException e) {
      return new DeviceChoice(Device.CPU, "auto: " + e.getMessage());
    }
  }

  /** Whether nobody asked for this device. */
  boolean isAutomatic() {
    return !reason.isEmpty();
  }

  /** The CPU in place of a device that {@code auto} chose and that turned out to be unfit. */
  DeviceChoice onCpu(String why) {
    return new DeviceChoice(Device.CPU, "auto: " + device + ": " + why);
  }

  /** {@code device cpu (auto: ...)}. */
  String describe() {
    return "device " + device + (reason.isEmpty() ? "" : " (" + reason + ")");
  }
}
