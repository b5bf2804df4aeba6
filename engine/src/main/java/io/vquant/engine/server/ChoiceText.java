package io.vquant.engine.server;

import io.vquant.engine.FinishReason;
import io.vquant.engine.batching.BatchResult;
import io.vquant.engine.batching.TokenScore;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One choice of an answer as it comes: text, scores, calls of tools, its end. */
final class ChoiceText {
  private final int index;
  private final @Nullable ToolCallReader tools;
  private final StringBuilder text = new StringBuilder();
  private final List<TokenScore> scores = new ArrayList<>();
  private final List<ToolCall> calls = new ArrayList<>();
  private List<TokenScore> promptScores = List.of();
  private @Nullable BatchResult result;
  private int toldScores;

  /**
   * What a stream has not told yet.
   *
   * @param calls only with the last part
   */
  record Part(String text, List<TokenScore> scores, List<ToolCall> calls) {}

  /**
   * @param tools finds calls in the text; null where there are none to be found
   */
  ChoiceText(int index, @Nullable ToolCallReader tools) {
    this.index = index;
    this.tools = tools;
  }

  int index() {
    return index;
  }

  void promptScores(List<TokenScore> all) {
    promptScores = all;
  }

  void token(TokenScore score) {
    scores.add(score);
  }

  /** Takes text, and gives what a stream can tell now; null for nothing. */
  @Nullable Part text(String piece) {
    String told = tools == null ? piece : tools.push(piece);
    text.append(told);
    return told.isEmpty() ? null : new Part(told, newScores(), List.of());
  }

  /** Takes the end, and gives the last part. */
  Part end(BatchResult ended) {
    result = ended;
    String told = "";
    if (tools != null) {
      told = tools.finish();
      text.append(told);
      calls.addAll(tools.calls());
    }
    return new Part(told, newScores(), calls);
  }

  private List<TokenScore> newScores() {
    List<TokenScore> fresh = List.copyOf(scores.subList(toldScores, scores.size()));
    toldScores = scores.size();
    return fresh;
  }

  boolean isEnded() {
    return result != null;
  }

  BatchResult result() {
    if (result == null) {
      throw new IllegalStateException("choice " + index + " has not ended");
    }
    return result;
  }

  String text() {
    return text.toString();
  }

  List<TokenScore> promptScores() {
    return promptScores;
  }

  List<TokenScore> scores() {
    return scores;
  }

  List<ToolCall> calls() {
    return calls;
  }

  /** The reason in OpenAI's words. */
  String finishReason() {
    FinishReason reason = result().reason();
    if (!calls.isEmpty()) {
      return "tool_calls";
    }
    return switch (reason) {
      case STOP, STOP_TEXT -> "stop";
      case LENGTH, CONTEXT -> "length";
      case CANCELLED -> throw new IllegalStateException("a cancelled choice has no answer");
    };
  }
}
