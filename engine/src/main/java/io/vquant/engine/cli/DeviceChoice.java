package io.vquant.engine.cli;

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
      case "auto" -> new DeviceChoice(Device.CPU, "auto: this build has no CUDA kernels");
      case "cpu" -> new DeviceChoice(Device.CPU, "");
      case "reference" -> new DeviceChoice(Device.REFERENCE, "");
      default -> {
        if (name.matches("cuda(:\\d{1,4})?")) {
          throw CommandFailure.deviceCannot(
              "--device " + name + ": this build has no CUDA kernels; use cpu or reference");
        }
        throw CommandFailure.usage(
            "--device " + name + ": expected one of auto, cpu, cuda:0, reference");
      }
    };
  }

  /** {@code device cpu (auto: ...)}. */
  String describe() {
    return "device " + device + (reason.isEmpty() ? "" : " (" + reason + ")");
  }
}
