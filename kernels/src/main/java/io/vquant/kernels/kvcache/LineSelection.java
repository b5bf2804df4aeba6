package io.vquant.kernels.kvcache;

import java.util.Arrays;

/**
 * Chooses the lines of one KV head among those it has and the tokens that are about to be packed:
 * the ones with the highest scores, up to a capacity. One that is a line already counts {@link
 * #STAY} times its score, so that lines do not come and go; of equals the earlier position wins.
 *
 * <p>A heap of the best so far, the worst of them on top.
 */
final class LineSelection {

  /** A newcomer has to be this much better. */
  static final float STAY = 1.25f;

  private final long[] heap = new long[LineBudget.MAX];
  private int capacity;
  private int size;

  /** Starts anew; at most {@code capacity} positions will be chosen. */
  void start(int newCapacity) {
    capacity = newCapacity;
    size = 0;
  }

  /** Proposes a line that exists. */
  void offerLine(int position, float score) {
    offer(position, score * STAY);
  }

  /** Proposes a token that is about to be packed; one that no row has looked at is not taken. */
  void offerToken(int position, float score) {
    if (score > 0) {
      offer(position, score);
    }
  }

  private void offer(int position, float score) {
    // Non-negative floats are ordered as their bits are.
    long entry = (long) Float.floatToRawIntBits(score) << 32 | (Integer.MAX_VALUE - position);
    if (size < capacity) {
      heap[size] = entry;
      siftUp(size++);
    } else if (capacity > 0 && entry > heap[0]) {
      heap[0] = entry;
      siftDown();
    }
  }

  private void siftUp(int from) {
    int child = from;
    long entry = heap[child];
    while (child > 0 && heap[(child - 1) / 2] > entry) {
      heap[child] = heap[(child - 1) / 2];
      child = (child - 1) / 2;
    }
    heap[child] = entry;
  }

  private void siftDown() {
    int parent = 0;
    long entry = heap[0];
    while (2 * parent + 1 < size) {
      int child = 2 * parent + 1;
      if (child + 1 < size && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= entry) {
        break;
      }
      heap[parent] = heap[child];
      parent = child;
    }
    heap[parent] = entry;
  }

  /** The chosen positions, rising. */
  int[] chosen() {
    int[] positions = new int[size];
    for (int i = 0; i < size; i++) {
      positions[i] = Integer.MAX_VALUE - (int) heap[i];
    }
    Arrays.sort(positions);
    return positions;
  }
}
