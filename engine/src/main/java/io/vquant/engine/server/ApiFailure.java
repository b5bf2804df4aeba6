package io.vquant.engine.server;

import io.vquant.engine.InvalidPromptException;
import io.vquant.engine.NotEnoughMemoryException;
import io.vquant.kernels.backend.OutOfDeviceMemoryException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A request that gets an error object in place of an answer. */
final class ApiFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int RETRY_SECONDS = 1;

  private final int status;
  private final String type;
  private final String code;
  private final @Nullable String field;

  private ApiFailure(int status, String type, String code, @Nullable String field, String message) {
    super(message);
    this.status = status;
    this.type = type;
    this.code = code;
    this.field = field;
  }

  /** 400: the field's value cannot be used; the message begins with the field's name. */
  static ApiFailure badField(String field, String message) {
    return new ApiFailure(
        400, "invalid_request_error", "invalid_value", field, field + ": " + message);
  }

  /** 400: the body as a whole cannot be used. */
  static ApiFailure badBody(String message) {
    return new ApiFailure(400, "invalid_request_error", "invalid_body", null, message);
  }

  static ApiFailure unauthorized() {
    return new ApiFailure(
        401,
        "invalid_request_error",
        "invalid_api_key",
        null,
        "Authorization: expected 'Bearer' and this server's key");
  }

  static ApiFailure forbidden(String message) {
    return new ApiFailure(403, "invalid_request_error", "forbidden", null, message);
  }

  static ApiFailure notFound(String code, @Nullable String field, String message) {
    return new ApiFailure(404, "invalid_request_error", code, field, message);
  }

  static ApiFailure methodNotAllowed(String message) {
    return new ApiFailure(405, "invalid_request_error", "method_not_allowed", null, message);
  }

  static ApiFailure tooLarge(String message) {
    return new ApiFailure(413, "invalid_request_error", "body_too_large", null, message);
  }

  static ApiFailure busy(String message) {
    return new ApiFailure(429, "rate_limit_error", "queue_full", null, message);
  }

  static ApiFailure internal(String message) {
    return new ApiFailure(500, "server_error", "internal_error", null, message);
  }

  static ApiFailure unavailable(String message) {
    return new ApiFailure(503, "server_error", "unavailable", null, message);
  }

  /**
   * What kept a request that was let through from its answer: 400 if it is the prompt's fault, 503
   * if there was no memory, which others may give back soon, else 500.
   */
  static ApiFailure of(Throwable cause) {
    String message = String.valueOf(cause.getMessage());
    if (cause instanceof InvalidPromptException) {
      return badField("prompt", message);
    }
    boolean noMemory =
        cause instanceof OutOfDeviceMemoryException
            || cause instanceof NotEnoughMemoryException
            || cause instanceof OutOfMemoryError;
    return noMemory
        ? new ApiFailure(503, "server_error", "out_of_memory", null, "out of memory: " + message)
        : internal("the model failed: " + message);
  }

  int status() {
    return status;
  }

  /** Seconds after which a client may try again; 0 if that is pointless. */
  int retryAfterSeconds() {
    return status == 429 || status == 503 ? RETRY_SECONDS : 0;
  }

  /** The object that the client gets. */
  Map<String, @Nullable Object> body() {
    Map<String, @Nullable Object> error = new LinkedHashMap<>();
    error.put("message", getMessage());
    error.put("type", type);
    error.put("param", field);
    error.put("code", code);
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("error", error);
    return body;
  }
}
