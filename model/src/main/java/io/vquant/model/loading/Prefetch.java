package io.vquant.model.loading;

import io.vquant.weights.StoredTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Touches every page of the mapped weights once, so that the first pass does not wait for the disk.
 * Without it loading reads headers only. Several threads may call {@link #run} of one prefetch at
 * once: they share the work.
 */
public final class Prefetch {
  private static final long PIECE_BYTES = 4L << 20;
  private static final long PAGE_BYTES = 4096;

  private final List<MemorySegment> pieces;
  private final long totalBytes;
  private final AtomicInteger nextPiece = new AtomicInteger();
  private final AtomicLong doneBytes = new AtomicLong();

  /** Of these parts only what was touched; keeps the reads from being optimized away. */
  private final AtomicLong touched = new AtomicLong();

  private Prefetch(List<MemorySegment> pieces, long totalBytes) {
    this.pieces = pieces;
    this.totalBytes = totalBytes;
  }

  /** A prefetch of these tensors. */
  static Prefetch of(Collection<StoredTensor> tensors) {
    List<MemorySegment> pieces = new ArrayList<>();
    long totalBytes = 0;
    for (StoredTensor tensor : tensors) {
      totalBytes += tensor.byteSize();
      for (long from = 0; from < tensor.byteSize(); from += PIECE_BYTES) {
        long size = Math.min(PIECE_BYTES, tensor.byteSize() - from);
        pieces.add(tensor.data().asSlice(from, size));
      }
    }
    return new Prefetch(pieces, totalBytes);
  }

  /** Works until nothing is left to take; interruption ends this thread's part early. */
  public void run(LoadListener listener) {
    while (!Thread.currentThread().isInterrupted()) {
      int index = nextPiece.getAndIncrement();
      if (index >= pieces.size()) {
        return;
      }
      MemorySegment piece = pieces.get(index);
      long sum = 0;
      for (long at = 0; at < piece.byteSize(); at += PAGE_BYTES) {
        sum += piece.get(ValueLayout.JAVA_BYTE, at);
      }
      touched.addAndGet(sum);
      listener.progress(doneBytes.addAndGet(piece.byteSize()), totalBytes);
    }
  }
}
