package io.vquant.engine.server;

import io.vquant.engine.GenerationRequest;
import io.vquant.engine.InvalidPromptException;
import io.vquant.engine.batching.BatchRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the body of {@code /v1/completions}. */
record CompletionApi(ServedModel model, AnswerIds ids) {
  private static final int DEFAULT_MAX_TOKENS = 16;
  private static final int MAX_REQUESTS = 64;

  AnswerShape read(Map<String, @Nullable Object> body) {
    JsonFields fields = new JsonFields("", body);
    model.requireName(fields);
    List<int[]> prompts = CompletionPrompt.read(fields, model.tokenizer());
    GenerationFields generation =
        GenerationFields.read(
                fields, model.engine().generationDefaults().sampling(), model.vocabSize())
            .with(ResponseFormat.read(fields, model));
    boolean echo = fields.flag("echo", false);
    int maxTokens =
        fields.integer("max_tokens", echo ? 0 : 1, Integer.MAX_VALUE, DEFAULT_MAX_TOKENS);
    int logprobs =
        fields.integer("logprobs", 0, BatchRequest.MAX_TOP_LOGPROBS, BatchRequest.NO_LOGPROBS);
    int bestOf = fields.integer("best_of", 1, Integer.MAX_VALUE, generation.choices());
    if (bestOf != generation.choices()) {
      throw fields.bad("best_of", "as many as n");
    }
    if (fields.has("suffix")) {
      throw ApiFailure.badField("suffix", "is not supported here");
    }
    if (echo && logprobs != BatchRequest.NO_LOGPROBS && generation.stream()) {
      throw ApiFailure.badField("echo", "with logprobs is not streamed, expected stream false");
    }
    fields.requireAllRead();
    if (prompts.size() * generation.choices() > MAX_REQUESTS) {
      throw ApiFailure.badField("prompt", "times n is more than " + MAX_REQUESTS + " answers");
    }
    List<BatchRequest> requests = new ArrayList<>();
    for (int prompt = 0; prompt < prompts.size(); prompt++) {
      for (int choice = 0; choice < generation.choices(); choice++) {
        GenerationRequest request = request(prompts.get(prompt), generation, choice, maxTokens);
        boolean scored = echo && logprobs != BatchRequest.NO_LOGPROBS;
        requests.add(new BatchRequest(request, logprobs, scored, maxTokens > 0, Set.of()));
      }
    }
    return new CompletionAnswer(
        ids.next("cmpl-"),
        model,
        requests,
        generation.choices(),
        generation.stream(),
        generation.includeUsage(),
        echo,
        logprobs != BatchRequest.NO_LOGPROBS);
  }

  private GenerationRequest request(
      int[] prompt, GenerationFields generation, int choice, int maxTokens) {
    try {
      GenerationRequest request =
          GenerationRequest.builder(prompt)
              .sampling(generation.samplingOf(choice))
              .maxTokens(Math.max(1, maxTokens))
              .stopStrings(generation.stop())
              .ignoreEos(generation.ignoreEos())
              .logitsProcessors(generation.newProcessors())
              .build();
      model.engine().requireValid(request);
      return request;
    } catch (InvalidPromptException e) {
      throw ApiFailure.badField("prompt", String.valueOf(e.getMessage()));
    }
  }
}
