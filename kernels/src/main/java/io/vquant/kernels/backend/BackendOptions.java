package io.vquant.kernels.backend;

/**
 * What a backend may use of the machine.
 *
 * @param threads threads that compute, at least 1
 */
public record BackendOptions(int threads) {

  public BackendOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads " + threads + ": expected at least 1");
    }
  }
}
