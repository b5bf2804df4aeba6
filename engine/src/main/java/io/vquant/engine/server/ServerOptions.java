package io.vquant.engine.server;

import io.vquant.engine.batching.BatchOptions;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where and for whom to serve.
 *
 * @param address port 0 takes a free one
 * @param apiKey that clients must send; null for none
 * @param batch how many at once
 */
public record ServerOptions(
    InetSocketAddress address, @Nullable String apiKey, BatchOptions batch) {

  public ServerOptions {
    if (address.isUnresolved()) {
      throw new IllegalArgumentException(
          "host " + address.getHostString() + ": no address of this name is known");
    }
    if (apiKey != null && apiKey.isBlank()) {
      throw new IllegalArgumentException("api-key: expected at least one character");
    }
  }
}
