package io.vquant.kernels.backend;

/** A device, or its driver, refused or failed at something that it should be able to do. */
public class DeviceFailureException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what was asked of the device, and what it said
   */
  public DeviceFailureException(String message) {
    super(message);
  }
}
