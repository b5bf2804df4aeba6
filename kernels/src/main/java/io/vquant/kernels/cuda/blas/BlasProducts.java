package io.vquant.kernels.cuda.blas;

import static io.vquant.kernels.cuda.blas.BlasException.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Products on the device whose context is current, each shape planned once: choosing an algorithm
 * takes longer than enqueuing it. For one thread at a time.
 */
public final class BlasProducts implements AutoCloseable {

  /** Device memory that a product may use while it runs; NVIDIA's advice for Hopper. */
  public static final long WORKSPACE_BYTES = 32L << 20;

  /** Prompts may have any number of rows. */
  private static final int MOST_PLANS = 512;

  private final BlasLibrary library;
  private final long handle;
  private final SequencedMap<BlasShape, BlasProduct> plans = new LinkedHashMap<>(16, 0.75f, true);

  public BlasProducts(BlasLibrary library) {
    this.library = library;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment created = arena.allocate(Long.BYTES, Long.BYTES);
      check("cublasLtCreate", (int) library.create.invokeExact(created.address()));
      handle = created.get(ValueLayout.JAVA_LONG, 0);
    } catch (Throwable failure) {
      throw BlasProduct.unchecked(failure);
    }
  }

  /**
   * Enqueues {@code out = x W^T (+ bias)}.
   *
   * @param stream a CUstream
   * @param out device address of F32
   * @param x device address of BF16, dense, a multiple of 256
   * @param weight device address of BF16, dense
   * @param bias device address of F32, or 0
   * @param workspace device address of {@link #WORKSPACE_BYTES}, a multiple of 256
   * @return false if the library has no algorithm for this shape: then nothing was enqueued
   */
  public boolean multiply(
      BlasShape shape, long stream, long out, long x, long weight, long bias, long workspace) {
    BlasProduct plan =
        plans.computeIfAbsent(shape, wanted -> new BlasProduct(library, handle, wanted));
    if (plan.isOffered()) {
      plan.multiply(stream, out, x, weight, bias, workspace);
    }
    if (plans.size() > MOST_PLANS) {
      plans.pollFirstEntry().getValue().close();
    }
    return plan.isOffered();
  }

  @Override
  public void close() {
    plans.values().forEach(BlasProduct::close);
    try {
      check("cublasLtDestroy", (int) library.destroy.invokeExact(handle));
    } catch (Throwable failure) {
      throw BlasProduct.unchecked(failure);
    }
  }
}
