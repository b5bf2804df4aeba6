package io.vquant.engine.server;

import io.vquant.engine.batching.BatchRequest;
import io.vquant.engine.batching.TokenScore;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The answer to {@code /v1/completions}. */
record CompletionAnswer(
    String id,
    ServedModel model,
    List<BatchRequest> requests,
    int choicesPerPrompt,
    boolean streams,
    boolean tellsUsage,
    boolean echoes,
    boolean tellsLogprobs)
    implements AnswerShape {

  @Override
  public ChoiceText newChoice(int choice) {
    return new ChoiceText(choice, null);
  }

  @Override
  public @Nullable Map<String, Object> opening(int choice) {
    return echoes ? envelope(List.of(choice(choice, promptText(choice), null, null))) : null;
  }

  private int[] promptIds(int choice) {
    return requests.get(choice).generation().promptIds();
  }

  /** The prompt as text, without what the tokenizer adds of its own accord. */
  private String promptText(int choice) {
    return model.tokenizer().decode(promptIds(choice), true);
  }

  @Override
  public Map<String, Object> part(ChoiceText choice, ChoiceText.Part part, boolean ended) {
    String reason = ended ? choice.finishReason() : null;
    Map<String, @Nullable Object> logprobs =
        tellsLogprobs ? new LogprobLists().addAll(part.scores()).toJson() : null;
    return envelope(List.of(choice(choice.index(), part.text(), logprobs, reason)));
  }

  @Override
  public Map<String, Object> usagePart(Map<String, Object> usage) {
    Map<String, Object> part = envelope(List.of());
    part.put("usage", usage);
    return part;
  }

  @Override
  public Map<String, Object> document(List<ChoiceText> choices, Map<String, Object> usage) {
    List<Map<String, @Nullable Object>> list = new ArrayList<>();
    for (ChoiceText choice : choices) {
      String text = echoes ? promptText(choice.index()) + choice.text() : choice.text();
      Map<String, @Nullable Object> logprobs = null;
      if (tellsLogprobs) {
        LogprobLists lists = new LogprobLists();
        if (echoes) {
          lists.addUnscored(promptIds(choice.index())[0]).addAll(choice.promptScores());
        }
        logprobs = lists.addAll(choice.scores()).toJson();
      }
      list.add(choice(choice.index(), text, logprobs, choice.finishReason()));
    }
    Map<String, Object> document = envelope(list);
    document.put("usage", usage);
    document.put("timings", Timings.of(choices.getFirst().result()));
    return document;
  }

  private static Map<String, @Nullable Object> choice(
      int index, String text, @Nullable Object logprobs, @Nullable String reason) {
    Map<String, @Nullable Object> choice = new LinkedHashMap<>();
    choice.put("index", index);
    choice.put("text", text);
    choice.put("logprobs", logprobs);
    choice.put("finish_reason", reason);
    return choice;
  }

  private Map<String, Object> envelope(List<?> choices) {
    Map<String, Object> envelope = new LinkedHashMap<>();
    envelope.put("id", id);
    envelope.put("object", "text_completion");
    envelope.put("created", System.currentTimeMillis() / 1000);
    envelope.put("model", model.name());
    envelope.put("choices", choices);
    return envelope;
  }

  /** The four lists of {@code logprobs}, side by side. */
  private final class LogprobLists {
    private final TokenTexts texts = new TokenTexts(model.tokenizer());
    private final List<String> tokens = new ArrayList<>();
    private final List<@Nullable Object> logprobs = new ArrayList<>();
    private final List<@Nullable Object> top = new ArrayList<>();
    private final List<Integer> offsets = new ArrayList<>();
    private int offset;

    private LogprobLists add(int tokenId, @Nullable Object logprob, @Nullable Object mostLikely) {
      String text = texts.text(tokenId);
      tokens.add(text);
      logprobs.add(logprob);
      top.add(mostLikely);
      offsets.add(offset);
      offset += text.length();
      return this;
    }

    /** A token that nothing comes before. */
    LogprobLists addUnscored(int tokenId) {
      return add(tokenId, null, null);
    }

    LogprobLists addAll(List<TokenScore> scores) {
      for (TokenScore score : scores) {
        add(score.tokenId(), score.logprob(), texts.topLogprobs(score));
      }
      return this;
    }

    Map<String, @Nullable Object> toJson() {
      Map<String, @Nullable Object> json = new LinkedHashMap<>();
      json.put("tokens", tokens);
      json.put("token_logprobs", logprobs);
      json.put("top_logprobs", top);
      json.put("text_offset", offsets);
      return json;
    }
  }
}
