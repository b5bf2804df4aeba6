package io.vquant.engine.server;

import com.sun.net.httpserver.HttpExchange;
import io.vquant.engine.FinishReason;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.engine.batching.QueueFullException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Carries a request out and writes its answer, as server-sent events or as one document. While
 * there is nothing to tell it writes comments or blanks: a client that is gone shows only when
 * something is written to it.
 */
final class AnswerWriter {
  private static final long BEAT_MILLIS = 500;

  private final HttpExchange exchange;
  private final AnswerShape shape;
  private final AnswerBuffer buffer;
  private final List<ChoiceText> choices = new ArrayList<>();
  private @Nullable OutputStream out;
  private long lastWriteNanos = System.nanoTime();
  private int ended;

  private AnswerWriter(HttpExchange exchange, AnswerShape shape, Duration readerPatience) {
    this.exchange = exchange;
    this.shape = shape;
    buffer = new AnswerBuffer(shape.streams(), readerPatience.toNanos());
    for (int i = 0; i < shape.requests().size(); i++) {
      choices.add(shape.newChoice(i));
    }
  }

  /**
   * Answers.
   *
   * @param readerPatience how long to wait for a client that does not read
   * @throws ApiFailure if there is no answer and nothing has been sent
   * @throws IOException if the client is gone; its request has been cancelled then
   */
  static void answer(
      HttpExchange exchange, BatchScheduler scheduler, AnswerShape shape, Duration readerPatience)
      throws IOException {
    new AnswerWriter(exchange, shape, readerPatience).run(scheduler);
  }

  private void run(BatchScheduler scheduler) throws IOException {
    submit(scheduler);
    boolean complete = false;
    try {
      if (shape.streams()) {
        stream();
      } else {
        collect();
      }
      complete = true;
    } catch (InterruptedException slow) {
      throw (IOException) new InterruptedIOException("the client reads too slowly").initCause(slow);
    } finally {
      if (!complete) {
        buffer.abandon();
      }
    }
  }

  private void submit(BatchScheduler scheduler) {
    try {
      buffer.filledBy(
          scheduler.submitAll(
              shape.requests(),
              IntStream.range(0, choices.size()).mapToObj(buffer::listener).toList()));
    } catch (QueueFullException full) {
      throw ApiFailure.busy(full.getMessage());
    } catch (IllegalStateException closed) {
      throw ApiFailure.unavailable("the server is stopping");
    }
  }

  private void stream() throws IOException, InterruptedException {
    AnswerEvent first = buffer.poll(BEAT_MILLIS);
    if (first instanceof AnswerEvent.Failure failure) {
      throw ApiFailure.of(failure.cause());
    }
    begin("text/event-stream; charset=utf-8");
    for (ChoiceText choice : choices) {
      Map<String, Object> opening = shape.opening(choice.index());
      if (opening != null) {
        send(opening);
      }
    }
    AnswerEvent event = first;
    while (true) {
      if (isQuiet()) {
        write(": working\n\n");
      }
      if (event != null && !tell(event)) {
        return;
      }
      if (ended == choices.size()) {
        break;
      }
      event = buffer.poll(BEAT_MILLIS);
    }
    if (shape.tellsUsage()) {
      send(shape.usagePart(usage()));
    }
    write("data: [DONE]\n\n");
    close();
  }

  /** Whether it is time to find out if the client is still there. */
  private boolean isQuiet() {
    return System.nanoTime() - lastWriteNanos >= TimeUnit.MILLISECONDS.toNanos(BEAT_MILLIS);
  }

  /** Tells one event; false if the stream has ended with an error. */
  private boolean tell(AnswerEvent event) throws IOException {
    ChoiceText choice = choices.get(event.choice());
    switch (event) {
      case AnswerEvent.PromptScores scores -> choice.promptScores(scores.scores());
      case AnswerEvent.Token token -> choice.token(token.score());
      case AnswerEvent.Text text -> {
        ChoiceText.Part part = choice.text(text.piece());
        if (part != null) {
          send(shape.part(choice, part, false));
        }
      }
      case AnswerEvent.End end when end.result().reason() == FinishReason.CANCELLED -> {
        sendFailure(ApiFailure.unavailable("the server is stopping"));
        return false;
      }
      case AnswerEvent.End end -> {
        ended++;
        send(shape.part(choice, choice.end(end.result()), true));
      }
      case AnswerEvent.Failure failure -> {
        sendFailure(ApiFailure.of(failure.cause()));
        return false;
      }
    }
    return true;
  }

  private void sendFailure(ApiFailure failure) throws IOException {
    buffer.abandon();
    send(failure.body());
    write("data: [DONE]\n\n");
    close();
  }

  private void collect() throws IOException, InterruptedException {
    while (ended < choices.size()) {
      AnswerEvent event = buffer.poll(BEAT_MILLIS);
      if (isQuiet()) {
        begin("application/json");
        write(" ");
      }
      if (event == null) {
        continue;
      }
      ChoiceText choice = choices.get(event.choice());
      switch (event) {
        case AnswerEvent.PromptScores scores -> choice.promptScores(scores.scores());
        case AnswerEvent.Token token -> choice.token(token.score());
        case AnswerEvent.Text text -> choice.text(text.piece());
        case AnswerEvent.End end when end.result().reason() != FinishReason.CANCELLED -> {
          ended++;
          choice.end(end.result());
        }
        case AnswerEvent.End _ -> {
          failDocument(ApiFailure.unavailable("the server is stopping"));
          return;
        }
        case AnswerEvent.Failure failure -> {
          failDocument(ApiFailure.of(failure.cause()));
          return;
        }
      }
    }
    writeDocument(shape.document(choices, usage()));
  }

  /** Once blanks have been sent the status is 200, and only the body can tell. */
  private void failDocument(ApiFailure failure) throws IOException {
    buffer.abandon();
    if (out == null) {
      throw failure;
    }
    writeDocument(failure.body());
  }

  private void writeDocument(Map<String, ?> document) throws IOException {
    begin("application/json");
    write(Json.write(document));
    close();
  }

  private Map<String, Object> usage() {
    return Usage.of(choices, shape.choicesPerPrompt());
  }

  private void begin(String contentType) throws IOException {
    if (out == null) {
      exchange.getResponseHeaders().set("Content-Type", contentType);
      exchange.getResponseHeaders().set("Cache-Control", "no-store");
      exchange.sendResponseHeaders(200, 0);
      out = exchange.getResponseBody();
    }
  }

  private void send(Map<String, ?> part) throws IOException {
    write("data: " + Json.write(part) + "\n\n");
  }

  private void write(String text) throws IOException {
    if (out == null) {
      throw new IllegalStateException("the answer has not begun");
    }
    out.write(text.getBytes(StandardCharsets.UTF_8));
    out.flush();
    lastWriteNanos = System.nanoTime();
  }

  private void close() throws IOException {
    if (out != null) {
      out.close();
    }
  }
}
