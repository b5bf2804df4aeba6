package io.vquant.engine.runtime;

import io.vquant.kernels.kvcache.KvCache;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Copies of a cache where its prompts began and ended, for caches that cannot forget single tokens
 * exactly: undo and regenerate go back to one of them, and what is computed from there has the same
 * bits as if nothing else had followed. They share memory with the cache and hold ring and slab of
 * their own.
 */
final class Checkpoints implements AutoCloseable {
  private static final int MOST = 12;

  private final Deque<KvCache> caches = new ArrayDeque<>();

  /**
   * Keeps a copy, longer than those there are; the oldest but the first goes when there are too
   * many.
   */
  void add(KvCache copy) {
    caches.addLast(copy);
    if (caches.size() > MOST) {
      KvCache first = caches.removeFirst();
      caches.removeFirst().close();
      caches.addFirst(first);
    }
  }

  /** The longest of at most {@code length} tokens. */
  @Nullable KvCache latest(int length) {
    KvCache latest = null;
    for (KvCache cache : caches) {
      if (cache.length() <= length) {
        latest = cache;
      }
    }
    return latest;
  }

  /** Tokens in the longest of all; 0 when there is none. */
  int longest() {
    return caches.isEmpty() ? 0 : caches.getLast().length();
  }

  /** Forgets those of more than {@code length} tokens. */
  void dropAfter(int length) {
    while (!caches.isEmpty() && caches.getLast().length() > length) {
      caches.removeLast().close();
    }
  }

  @Override
  public void close() {
    dropAfter(-1);
  }
}
