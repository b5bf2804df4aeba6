package io.vquant.engine.server;

import io.vquant.engine.batching.BatchRequest;
import io.vquant.engine.batching.TokenScore;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The answer to {@code /v1/chat/completions}.
 *
 * @param style null where no tools are offered
 */
record ChatAnswer(
    String id,
    ServedModel model,
    List<BatchRequest> requests,
    boolean streams,
    boolean tellsUsage,
    boolean tellsLogprobs,
    @Nullable ToolCallStyle style,
    Set<String> toolNames,
    AnswerIds ids)
    implements AnswerShape {

  @Override
  public int choicesPerPrompt() {
    return requests.size();
  }

  @Override
  public ChoiceText newChoice(int choice) {
    return new ChoiceText(
        choice, style == null ? null : new ToolCallReader(style, toolNames, ids::nextCall));
  }

  @Override
  public Map<String, Object> opening(int choice) {
    Map<String, @Nullable Object> delta = new LinkedHashMap<>();
    delta.put("role", "assistant");
    delta.put("content", "");
    return chunk(List.of(choice(choice, "delta", delta, null, List.of())));
  }

  @Override
  public Map<String, Object> part(ChoiceText choice, ChoiceText.Part part, boolean ended) {
    Map<String, @Nullable Object> delta = new LinkedHashMap<>();
    if (!part.text().isEmpty()) {
      delta.put("content", part.text());
    }
    if (!part.calls().isEmpty()) {
      delta.put("tool_calls", calls(part.calls(), true));
    }
    String reason = ended ? choice.finishReason() : null;
    return chunk(List.of(choice(choice.index(), "delta", delta, reason, part.scores())));
  }

  private static List<Map<String, Object>> calls(List<ToolCall> calls, boolean numbered) {
    List<Map<String, Object>> list = new ArrayList<>();
    for (ToolCall call : calls) {
      Map<String, Object> json = new LinkedHashMap<>();
      if (numbered) {
        json.put("index", list.size());
      }
      json.putAll(call.toJson());
      list.add(json);
    }
    return list;
  }

  private Map<String, @Nullable Object> choice(
      int index,
      String name,
      Map<String, @Nullable Object> message,
      @Nullable String reason,
      List<TokenScore> scores) {
    Map<String, @Nullable Object> choice = new LinkedHashMap<>();
    choice.put("index", index);
    choice.put(name, message);
    Map<String, @Nullable Object> logprobs = new LinkedHashMap<>();
    if (tellsLogprobs) {
      logprobs.put("content", new TokenTexts(model.tokenizer()).chatLogprobs(scores));
      logprobs.put("refusal", null);
    }
    choice.put("logprobs", tellsLogprobs ? logprobs : null);
    choice.put("finish_reason", reason);
    return choice;
  }

  private Map<String, Object> chunk(List<?> choices) {
    return envelope("chat.completion.chunk", choices);
  }

  private Map<String, Object> envelope(String object, List<?> choices) {
    Map<String, Object> envelope = new LinkedHashMap<>();
    envelope.put("id", id);
    envelope.put("object", object);
    envelope.put("created", System.currentTimeMillis() / 1000);
    envelope.put("model", model.name());
    envelope.put("choices", choices);
    return envelope;
  }

  @Override
  public Map<String, Object> usagePart(Map<String, Object> usage) {
    Map<String, Object> part = chunk(List.of());
    part.put("usage", usage);
    return part;
  }

  @Override
  public Map<String, Object> document(List<ChoiceText> choices, Map<String, Object> usage) {
    List<Map<String, @Nullable Object>> list = new ArrayList<>();
    for (ChoiceText choice : choices) {
      Map<String, @Nullable Object> message = new LinkedHashMap<>();
      message.put("role", "assistant");
      boolean onlyCalls = choice.text().isEmpty() && !choice.calls().isEmpty();
      message.put("content", onlyCalls ? null : choice.text());
      message.put("refusal", null);
      if (!choice.calls().isEmpty()) {
        message.put("tool_calls", calls(choice.calls(), false));
      }
      list.add(choice(choice.index(), "message", message, choice.finishReason(), choice.scores()));
    }
    Map<String, Object> document = envelope("chat.completion", list);
    document.put("usage", usage);
    document.put("timings", Timings.of(choices.getFirst().result()));
    return document;
  }
}
