package io.vquant.kernels.cuda.driver;

/**
 * What the driver says of a device.
 *
 * @param ordinal its number among those that this process sees
 * @param name as the maker calls it
 * @param major compute capability, before the point
 * @param minor compute capability, after the point
 * @param multiprocessors number of SMs
 * @param totalByteSize memory
 * @param sharedByteSizePerBlock most shared memory that a block can ask for
 */
public record CudaDevice(
    int ordinal,
    String name,
    int major,
    int minor,
    int multiprocessors,
    long totalByteSize,
    int sharedByteSizePerBlock) {

  /** {@code 9.0}. */
  public String computeCapability() {
    return major + "." + minor;
  }
}
