package io.vquant.kernels.cuda;

import io.vquant.kernels.quant.Outliers;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.tensor.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.IdentityHashMap;

/** Weights in codes in the device's memory; a table that is embedding and output layer, once. */
final class CodeMatrices {
  private final CudaRuntime runtime;
  private final IdentityHashMap<Outliers, RowLists> outliers = new IdentityHashMap<>();

  /** Addresses of a list of outliers by row. */
  private record RowLists(long starts, long columns, long differences) {}

  CodeMatrices(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /** Codes and grids on the device, the bytes they are. */
  QuantizedWeight resident(QuantizedWeight weight) {
    if (weight.codes() instanceof CudaStorage) {
      return weight;
    }
    return new QuantizedWeight(
        weight.layout(),
        uploaded(weight.codes()),
        uploaded(weight.scales()),
        uploaded(weight.zeros()),
        weight.outliers());
  }

  /** The same as kernels see it. */
  CodeMatrix matrix(QuantizedWeight weight) {
    QuantizedWeight here = resident(weight);
    RowLists lists = new RowLists(0, 0, 0);
    if (here.outliers().count() > 0) {
      lists =
          outliers.computeIfAbsent(
              here.outliers(), list -> upload(new OutlierRows(list, here.rows())));
    }
    return new CodeMatrix(
        here.layout(),
        address(here.codes()),
        address(here.scales()),
        address(here.zeros()),
        lists.starts,
        lists.columns,
        lists.differences);
  }

  private static long address(Storage storage) {
    return ((CudaStorage) storage).address();
  }

  private CudaStorage uploaded(Storage part) {
    long byteSize = part.byteSize();
    long address = byteSize == 0 ? 0 : upload(QuantizedWeight.segment(part));
    return new CudaStorage(runtime.device(), address, byteSize);
  }

  /** Waits for the copy: what is copied may be gone soon. */
  private long upload(MemorySegment host) {
    long address = runtime.allocate(host.byteSize()).address();
    runtime.stream().copyToDevice(address, host);
    runtime.stream().synchronize();
    return address;
  }

  private RowLists upload(OutlierRows rows) {
    try (Arena arena = Arena.ofConfined()) {
      return new RowLists(
          upload(arena.allocateFrom(ValueLayout.JAVA_INT, rows.starts())),
          upload(arena.allocateFrom(ValueLayout.JAVA_INT, rows.columns())),
          upload(arena.allocateFrom(ValueLayout.JAVA_FLOAT, rows.differences())));
    }
  }
}
