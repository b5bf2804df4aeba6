package io.vquant.engine.hub;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A hub's address, and the token that is for it alone.
 *
 * @param base http or https, without a slash at its end
 * @param token null for what is open to everybody
 */
public record Hub(URI base, @Nullable String token) {
  /** Where models are when nothing else is said. */
  public static final String DEFAULT_ADDRESS = "https://huggingface.co";

  /**
   * Checks an address and a token.
   *
   * @throws IllegalArgumentException if the address is none of a web server, or the token could not
   *     be sent, or would travel readable over a network
   */
  public static Hub of(String address, @Nullable String token) {
    URI base;
    try {
      base = new URI(address.replaceFirst("/+$", ""));
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(address + ": not an address: " + e.getReason(), e);
    }
    String scheme = Optional.ofNullable(base.getScheme()).orElse("").toLowerCase(Locale.ROOT);
    boolean web = scheme.equals("http") || scheme.equals("https");
    if (!web
        || base.getHost() == null
        || base.getRawUserInfo() != null
        || base.getRawQuery() != null
        || base.getRawFragment() != null) {
      throw new IllegalArgumentException(
          address + ": expected an address such as " + DEFAULT_ADDRESS);
    }
    String stripped = token == null ? "" : token.strip();
    if (!stripped.chars().allMatch(c -> c > ' ' && c < 127)) {
      throw new IllegalArgumentException("token: expected letters and digits without blanks");
    }
    if (!stripped.isEmpty() && scheme.equals("http") && !isThisMachine(base.getHost())) {
      throw new IllegalArgumentException(
          address
              + ": a token would travel readable over the network: expected https, or no token");
    }
    return new Hub(base, stripped.isEmpty() ? null : stripped);
  }

  /** The address alone: the token must not get into messages. */
  @Override
  public String toString() {
    return base.toString();
  }

  private static boolean isThisMachine(String host) {
    return host.equals("localhost") || host.equals("127.0.0.1") || host.equals("[::1]");
  }

  /** An address on the hub. */
  URI resolve(String path) {
    return URI.create(base + path);
  }

  /** Whether a request goes to this hub, so that it may carry the token. */
  boolean isHere(URI address) {
    return address.getScheme().equalsIgnoreCase(base.getScheme())
        && address.getHost().equalsIgnoreCase(base.getHost())
        && port(address) == port(base);
  }

  private static int port(URI address) {
    if (address.getPort() >= 0) {
      return address.getPort();
    }
    return address.getScheme().equalsIgnoreCase("https") ? 443 : 80;
  }
}
