package io.vquant.engine.server;

import io.vquant.engine.batching.BatchOptions;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where and for whom to serve.
 *
 * @param address port 0 takes a free one
 * @param apiKey that clients must send; null for none
 * @param batch how many at once
 * @param readerPatience how long an answer waits for a client that does not read, before the client
 *     is given up
 */
public record ServerOptions(
    InetSocketAddress address,
    @Nullable String apiKey,
    BatchOptions batch,
    Duration readerPatience) {
  private static final Duration READER_PATIENCE = Duration.ofSeconds(30);

  /** With the patience of 30 seconds. */
  public ServerOptions(InetSocketAddress address, @Nullable String apiKey, BatchOptions batch) {
    this(address, apiKey, batch, READER_PATIENCE);
  }

  public ServerOptions {
    if (address.isUnresolved()) {
      throw new IllegalArgumentException(
          "host " + address.getHostString() + ": no address of this name is known");
    }
    if (apiKey != null && apiKey.isBlank()) {
      throw new IllegalArgumentException("api-key: expected at least one character");
    }
    if (!readerPatience.isPositive()) {
      throw new IllegalArgumentException(
          "reader patience: is " + readerPatience + ", expected more than none");
    }
  }
}
