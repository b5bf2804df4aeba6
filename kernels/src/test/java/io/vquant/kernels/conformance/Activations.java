package io.vquant.kernels.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * An F32 matrix of a backend: dense, or a view inside a larger matrix whose other elements are NaN
 * and must neither be read nor written.
 */
final class Activations {

  private static final int PADDING = 5;
  private static final int PADDING_BEFORE = 3;
  private static final int CANARY_BITS = 0x7fc12345;

  private final KernelBackend backend;
  private final Tensor whole;
  private final Tensor view;

  private Activations(KernelBackend backend, int rows, int columns, boolean padded) {
    this.backend = backend;
    int stride = columns + (padded ? PADDING : 0);
    this.whole = backend.matrix(rows, stride);
    Layout layout = new Layout(padded ? PADDING_BEFORE : 0, rows, columns, stride);
    this.view = new Tensor(whole.storage(), DType.F32, layout);
  }

  static Activations of(
      KernelBackend backend, int rows, int columns, float[] values, boolean padded) {
    Activations created = new Activations(backend, rows, columns, padded);
    Tensor host = created.hostMatrix();
    MemorySegment segment = host.segment();
    for (long i = 0; i < segment.byteSize() / 4; i++) {
      segment.setAtIndex(ValueLayout.JAVA_INT, i, CANARY_BITS);
    }
    for (int i = 0; i < values.length; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, created.wholeIndex(i), values[i]);
    }
    backend.copy(created.whole, host);
    return created;
  }

  /** A dense matrix. */
  static Activations of(KernelBackend backend, int rows, int columns, float... values) {
    return of(backend, rows, columns, values, false);
  }

  /** A matrix to be written, filled with a value that no operator gives. */
  static Activations output(KernelBackend backend, int rows, int columns, boolean padded) {
    float[] values = new float[rows * columns];
    Arrays.fill(values, -98765.4f);
    return of(backend, rows, columns, values, padded);
  }

  Tensor tensor() {
    return view;
  }

  /** The elements, row by row; fails if an element outside the view has changed. */
  float[] read() {
    Tensor host = hostMatrix();
    backend.copy(host, whole);
    MemorySegment segment = host.segment();
    float[] values = new float[view.rows() * view.columns()];
    int outside = 0;
    for (int i = 0; i < values.length; i++) {
      values[i] = segment.getAtIndex(ValueLayout.JAVA_FLOAT, wholeIndex(i));
    }
    for (long i = 0; i < segment.byteSize() / 4; i++) {
      outside += segment.getAtIndex(ValueLayout.JAVA_INT, i) == CANARY_BITS ? 1 : 0;
    }
    assertThat(outside)
        .as("untouched elements outside the view %s", view.layout())
        .isGreaterThanOrEqualTo((int) (segment.byteSize() / 4) - values.length);
    return values;
  }

  private long wholeIndex(int index) {
    long row = index / view.columns();
    return view.layout().offset() + row * view.layout().rowStride() + index % view.columns();
  }

  private Tensor hostMatrix() {
    long byteSize = (long) whole.rows() * whole.columns() * 4;
    HostStorage storage = new HostStorage(Device.CPU, Arena.ofAuto().allocate(byteSize, 64));
    return new Tensor(storage, DType.F32, whole.layout());
  }
}
