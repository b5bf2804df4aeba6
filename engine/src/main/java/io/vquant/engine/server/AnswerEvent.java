package io.vquant.engine.server;

import io.vquant.engine.batching.BatchResult;
import io.vquant.engine.batching.TokenScore;
import java.util.List;

/** What happens to one choice of an answer, in order. */
sealed interface AnswerEvent {

  /** Which choice. */
  int choice();

  /** The prompt's tokens from the second on. */
  record PromptScores(int choice, List<TokenScore> scores) implements AnswerEvent {}

  /** A token was chosen; told only where scores were asked for. */
  record Token(int choice, TokenScore score) implements AnswerEvent {}

  /** More text. */
  record Text(int choice, String piece) implements AnswerEvent {}

  /** The choice is complete. */
  record End(int choice, BatchResult result) implements AnswerEvent {}

  /** The choice cannot be completed. */
  record Failure(int choice, Throwable cause) implements AnswerEvent {}
}
