package io.vquant.engine.server;

import io.vquant.engine.batching.BatchRequest;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A request read and understood, and how its answer is to be written. */
interface AnswerShape {

  /** One a choice. */
  List<BatchRequest> requests();

  /** Choices of each prompt; those of one prompt follow each other. */
  int choicesPerPrompt();

  /** Whether the answer is sent as it comes. */
  boolean streams();

  /** Whether a stream ends with the counts of tokens. */
  boolean tellsUsage();

  /** A choice with nothing in it yet. */
  ChoiceText newChoice(int choice);

  /** What a stream begins with for a choice; null for nothing. */
  @Nullable Map<String, Object> opening(int choice);

  /**
   * The next part of a stream.
   *
   * @param ended whether it is the choice's last
   */
  Map<String, Object> part(ChoiceText choice, ChoiceText.Part part, boolean ended);

  /** The last part of a stream that tells usage. */
  Map<String, Object> usagePart(Map<String, Object> usage);

  /** The whole answer. */
  Map<String, Object> document(List<ChoiceText> choices, Map<String, Object> usage);
}
