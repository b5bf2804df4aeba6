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
  private @Nullable Object kind;
  private @Nullable Launch launch;
  private @Nullable Tensor keys;
  private @Nullable Tensor values;

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
    int row = runtime.sequenceRows().find(position, count);
    boolean follows =
        count > 0
            && row == count
            && rowKind.equals(kind)
            && isNext(keys, rowKeys)
            && isNext(values, rowValues);
    if (!follows) {
      launch();
    }
    if (!follows && row != 0) {
      rowLaunch.run(table, 0, rowKeys, rowValues, runtime.positionAddress(position), 1);
      return;
    }
    if (count == 0) {
      kind = rowKind;
      launch = rowLaunch;
      keys = rowKeys;
      values = rowValues;
    }
    if (count == tables.length) {
      tables = Arrays.copyOf(tables, 2 * count);
    }
    tables[count++] = table;
  }

  /** Whether a row lies where the next of those that wait would. */
  private boolean isNext(@Nullable Tensor first, Tensor row) {
    return first != null
        && Operands.address(row)
            == Operands.address(first) + count * Operands.stride(first) * Float.BYTES;
  }

  /** Launches what waits. */
  void launch() {
    if (count == 0 || launch == null || keys == null || values == null) {
      return;
    }
    long[] waiting = Arrays.copyOf(tables, count);
    Launch chosen = launch;
    Tensor firstKeys = keys;
    Tensor firstValues = values;
    clear();
    SequenceRows rows = runtime.sequenceRows();
    long offsets = rows.offsets(waiting);
    chosen.run(waiting[0], offsets, firstKeys, firstValues, rows.address(0), waiting.length);
  }

  /** Forgets what waits. */
  void clear() {
    count = 0;
    kind = null;
    launch = null;
    keys = null;
    values = null;
  }
}
