package io.vquant.engine.cli;

import io.vquant.engine.SamplingParams;
import io.vquant.engine.chat.AnswerSettings;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;

/** What {@code /set} changes: the options of the same names, and how they stand. */
final class ChatSettings {
  /** One of them. */
  private record Setting(
      Function<AnswerSettings, String> value,
      BiFunction<AnswerSettings, String, AnswerSettings> change) {}

  private static final Map<String, Setting> SETTINGS = settings();

  private AnswerSettings current;

  ChatSettings(AnswerSettings first) {
    current = first;
  }

  private static Map<String, Setting> settings() {
    Map<String, Setting> settings = new LinkedHashMap<>();
    settings.put("temp", number(SamplingParams::temperature, SamplingParams::withTemperature));
    settings.put(
        "top-k", sampling(p -> "" + p.topK(), (p, text) -> p.withTopK(Integer.parseInt(text))));
    settings.put("top-p", number(SamplingParams::topP, SamplingParams::withTopP));
    settings.put("min-p", number(SamplingParams::minP, SamplingParams::withMinP));
    settings.put(
        "repeat-penalty",
        number(SamplingParams::repetitionPenalty, SamplingParams::withRepetitionPenalty));
    settings.put(
        "presence-penalty",
        number(SamplingParams::presencePenalty, SamplingParams::withPresencePenalty));
    settings.put(
        "frequency-penalty",
        number(SamplingParams::frequencyPenalty, SamplingParams::withFrequencyPenalty));
    settings.put(
        "seed",
        sampling(
            p -> p.seed().isPresent() ? "" + p.seed().getAsLong() : "drawn for each answer",
            (p, text) -> p.withSeed(Long.parseLong(text))));
    settings.put(
        "max-tokens",
        new Setting(
            s -> s.maxTokens() < 0 ? "-1 (to the end)" : "" + s.maxTokens(),
            (s, text) -> s.withMaxTokens(Integer.parseInt(text))));
    return settings;
  }

  private static Setting number(
      Function<SamplingParams, Float> value,
      BiFunction<SamplingParams, Float, SamplingParams> change) {
    return sampling(
        p -> String.valueOf(value.apply(p)), (p, text) -> change.apply(p, Float.valueOf(text)));
  }

  private static Setting sampling(
      Function<SamplingParams, String> value,
      BiFunction<SamplingParams, String, SamplingParams> change) {
    return new Setting(
        s -> value.apply(s.sampling()),
        (s, text) -> s.withSampling(change.apply(s.sampling(), text)));
  }

  AnswerSettings current() {
    return current;
  }

  /** All settings, a line each. */
  String list() {
    StringBuilder text = new StringBuilder();
    SETTINGS.forEach((name, setting) ->
        text.append(String.format("  %-18s %s%n", name, setting.value.apply(current))));
    return text.toString();
  }

  /**
   * Changes one.
   *
   * @return how it stands now
   * @throws CommandFailure if there is none of the name, or the value is not one of its
   */
  String change(String name, String value) {
    Setting setting = SETTINGS.get(name);
    if (setting == null) {
      throw CommandFailure.badInput(
          "/set " + name + ": unknown setting: " + Suggestion.of(name, SETTINGS.keySet()));
    }
    try {
      current = setting.change.apply(current, value);
    } catch (NumberFormatException e) {
      throw CommandFailure.badInput("/set " + name + " " + value + ": expected a number", e);
    } catch (IllegalArgumentException e) {
      String reason = String.valueOf(e.getMessage()).replaceFirst("^[a-z-]+ \\S+: ", "");
      throw CommandFailure.badInput("/set " + name + " " + value + ": " + reason, e);
    }
    return name + " " + setting.value.apply(current);
  }
}
