package io.vquant.engine.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;

/**
 * One connection pool to a hub and to where it redirects. Follows redirects itself, because the
 * token must not go along.
 */
final class HubConnection implements AutoCloseable {
  private static final int MOST_REDIRECTS = 8;
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(20);
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(60);

  private final Hub hub;
  private final HttpClient client;

  HubConnection(Hub hub) {
    this.hub = hub;
    client =
        HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT_TIMEOUT)
            .version(HttpClient.Version.HTTP_1_1)
            .build();
  }

  /**
   * Asks for something.
   *
   * @param what it is, for messages
   * @param path on the hub
   * @return the answer with status 200, 206 or 416; to be closed
   * @throws HubException if the hub refuses
   * @throws IOException if trying again may help
   */
  HttpResponse<InputStream> get(String what, String path, Map<String, String> headers)
      throws IOException {
    URI address = hub.resolve(path);
    for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
      HttpResponse<InputStream> response = send(address, headers);
      int status = response.statusCode();
      if (status == 200 || status == 206 || status == 416) {
        return response;
      }
      response.body().close();
      if (status < 300 || status >= 400) {
        throw refusal(what, address, response);
      }
      address = redirected(what, address, response);
    }
    throw new HubException(what + ": more than " + MOST_REDIRECTS + " redirects");
  }

  private HttpResponse<InputStream> send(URI address, Map<String, String> headers)
      throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address)
            .timeout(ANSWER_TIMEOUT)
            .header("User-Agent", "vquant-engine")
            .header("Accept-Encoding", "identity");
    headers.forEach(request::header);
    String token = hub.token();
    if (token != null && hub.isHere(address)) {
      request.header("Authorization", "Bearer " + token);
    }
    try {
      return client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PullCancelledException();
    }
  }

  private static URI redirected(String what, URI from, HttpResponse<InputStream> response) {
    String location =
        response
            .headers()
            .firstValue("Location")
            .orElseThrow(
                () -> new HubException(what + ": status " + response.statusCode() + " to nowhere"));
    URI to;
    try {
      to = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw new HubException(what + ": redirected to what is no address", e);
    }
    String scheme = String.valueOf(to.getScheme());
    boolean web = scheme.equals("https") || scheme.equals("http");
    if (!web || to.getHost() == null) {
      throw new HubException(what + ": redirected to what is no web address");
    }
    if (from.getScheme().equals("https") && scheme.equals("http")) {
      throw new HubException(what + ": redirected from https to http on " + to.getHost());
    }
    return to;
  }

  private IOException refusal(String what, URI address, HttpResponse<InputStream> response) {
    int status = response.statusCode();
    String who = hub.isHere(address) ? "the hub" : address.getHost();
    if (status == 429 || status == 408 || status >= 500) {
      String said = status == 429 ? "is busy (429)" : "answers " + status;
      return new TransientFailure(who + " " + said, retryAfter(response));
    }
    String reason =
        switch (status) {
          case 401 ->
              hub.token() == null
                  ? "needs a token (401): set HF_TOKEN, or look at how the name is spelled"
                  : "does not accept the token in HF_TOKEN (401)";
          case 403 ->
              "does not let this account have it (403): ask for access on the model's page"
                  + (hub.token() == null ? " and set HF_TOKEN" : "");
          case 404 -> "has no such model, revision or file (404)";
          default -> "answers " + status + ", expected 200";
        };
    throw new HubException(what + ": " + who + " " + reason);
  }

  /** Seconds, or a date (RFC 9110, section 10.2.3); what is neither is not asked for. */
  private static Optional<Duration> retryAfter(HttpResponse<InputStream> response) {
    String value = response.headers().firstValue("Retry-After").orElse("").strip();
    if (value.matches("\\d{1,9}")) {
      return Optional.of(Duration.ofSeconds(Long.parseLong(value)));
    }
    try {
      Instant until = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Duration wait = Duration.between(Instant.now(), until);
      return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  /** Ends all requests at once. */
  @Override
  public void close() {
    client.shutdownNow();
  }
}
