package io.vquant.kernels.tensor;

/**
 * A place where tensors live and operators run.
 *
 * @param kind which family of devices
 * @param ordinal which one of its kind, from 0
 */
public record Device(Kind kind, int ordinal) {

  /** The families of devices. {@code REFERENCE} is host memory with plain scalar loops. */
  public enum Kind {
    CPU,
    REFERENCE,
    CUDA
  }

  public static final Device CPU = new Device(Kind.CPU, 0);
  public static final Device REFERENCE = new Device(Kind.REFERENCE, 0);

  /** Whether tensors of this device are ordinary host memory. */
  public boolean isHost() {
    return kind != Kind.CUDA;
  }

  /** The name as a user writes it: {@code cpu}, {@code reference}, {@code cuda:0}. */
  @Override
  public String toString() {
    return switch (kind) {
      case CPU -> "cpu";
      case REFERENCE -> "reference";
      case CUDA -> "cuda:" + ordinal;
    };
  }
}
