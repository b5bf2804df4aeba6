package io.vquant.kernels.cuda;

import io.vquant.kernels.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of a step of several sequences on their way into the caches: rows wait until all
 * of them are launched together, which is when anything else asks for the stream.
 */
final class RowAppends {
  private final CudaRuntime runtime;
  private long[] tables = new long[SequenceRows.FIRST_ROWS];
  private int count;
  private @Nullable Row first;

  private record Row(Object kind, Launch launch, Tensor keys, Tensor values) {}

  /** What appends rows, each into the cache of one sequence. */
  @FunctionalInterface
  interface Launch {
    /**
     * Enqueues the kernel.
     *
     * @param table device address of what tells where the first sequence's cache is
     * @param offsets device address of how many bytes after it each one's is, or 0: the rows follow
     *     one another in one cache
     * @param firstKeys the first row of keys
     * @param firstValues the first row of values
     * @param positions device address of each row's position, or of the first one's
     */
    void run(
        long table, long offsets, Tensor firstKeys, Tensor firstValues, long positions, int rows);
  }

  RowAppends(CudaRuntime runtime) {
    this.runtime = runtime;
  }

  /**
   * Adds a row of the step under way.
   *
   * @param rowKind equal for caches that one launch can append to
   * @param table as {@link Launch} takes it, of this row's cache
   * @param position of the row, one of the step's
   */
  void add(
      Object rowKind,
      long table,
      Tensor rowKeys,
      Tensor rowValues,
      int position,
      Launch rowLaunch) {
    Row row = new Row(rowKind, rowLaunch, rowKeys, rowValues);
    int index = runtime.sequenceRows().find(position, count);
    if (first != null && !(index == count && isNext(first, row))) {
      launch();
    }
    if (first == null && index != 0) {
      rowLaunch.run(table, 0, rowKeys, rowValues, runtime.positionAddress(position), 1);
      return;
    }
    if (first == null) {
      first = row;
    }
    if (count == tables.length) {
      tables = Arrays.copyOf(tables, 2 * count);
    }
    tables[count++] = table;
  }

  /** Whether one launch takes a row after those that wait: it lies where the next one would. */
  private boolean isNext(Row before, Row row) {
    return row.kind().equals(before.kind())
        && follows(before.keys(), row.keys())
        && follows(before.values(), row.values());
  }

  private boolean follows(Tensor before, Tensor row) {
    return Operands.address(row)
        == Operands.address(before) + count * Operands.stride(before) * Float.BYTES;
  }

  /** Launches what waits. */
  void launch() {
    if (first == null) {
      return;
    }
    Row row = first;
    long[] waiting = Arrays.copyOf(tables, count);
    clear();
    SequenceRows rows = runtime.sequenceRows();
    long offsets = rows.offsets(waiting);
    row.launch()
        .run(waiting[0], offsets, row.keys(), row.values(), rows.address(0), waiting.length);
  }

  /** Forgets what waits. */
  void clear() {
    count = 0;
    first = null;
  }
}
