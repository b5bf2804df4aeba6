package io.vquant.engine.batching;

/**
 * How many run and wait, and how much memory they may take.
 *
 * @param slots sequences that run at once, 1 to {@link #MAX_SLOTS}
 * @param queueCapacity requests that wait beyond those, 0 or more
 * @param cacheByteSize most bytes of KV caches and shared pages together
 * @param prefixByteSize most bytes of shared pages, within {@code cacheByteSize}; 0 keeps none
 */
public record BatchOptions(int slots, int queueCapacity, long cacheByteSize, long prefixByteSize) {
  /** Logits of all of them are computed at once. */
  public static final int MAX_SLOTS = 64;

  public BatchOptions {
    check(slots >= 1 && slots <= MAX_SLOTS, "slots", slots, "1 to " + MAX_SLOTS);
    check(queueCapacity >= 0, "queue", queueCapacity, "0 or more");
    check(cacheByteSize >= 1, "cache bytes", cacheByteSize, "1 or more");
    check(
        prefixByteSize >= 0 && prefixByteSize <= cacheByteSize,
        "prefix bytes",
        prefixByteSize,
        "0 to the cache's " + cacheByteSize);
  }

  private static void check(boolean valid, String name, long value, String expected) {
    if (!valid) {
      throw new IllegalArgumentException(name + " " + value + ": expected " + expected);
    }
  }
}
