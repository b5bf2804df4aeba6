package io.vquant.engine;

/**
 * What prompts a model can take.
 *
 * @param contextLength most tokens of a prompt and its answer together
 * @param vocabSize token ids are below this
 * @param hasTokenizer whether there is text, by which an answer could be stopped
 */
record PromptLimits(int contextLength, int vocabSize, boolean hasTokenizer) {

  /** See {@link Engine#requireValid(GenerationRequest)}. */
  void requireValid(GenerationRequest request) {
    int promptTokens = request.promptTokens();
    if (promptTokens >= contextLength) {
      throw new InvalidPromptException(
          "prompt of "
              + promptTokens
              + " tokens: the context holds "
              + contextLength
              + ", at least 1 of them for the answer");
    }
    requireKnown(request.promptIds());
    if (!hasTokenizer && !request.stopStrings().isEmpty()) {
      throw new IllegalArgumentException(
          "stop text \"" + request.stopStrings().getFirst() + "\": needs a tokenizer");
    }
  }

  /** Refuses tokens that one pass cannot take. */
  void requireValid(int[] tokenIds) {
    requireKnown(tokenIds);
    if (tokenIds.length == 0 || tokenIds.length > contextLength) {
      throw new InvalidPromptException(
          tokenIds.length + " tokens: expected 1 to " + contextLength + ", the context");
    }
  }

  private void requireKnown(int[] tokenIds) {
    for (int id : tokenIds) {
      if (id < 0 || id >= vocabSize) {
        throw new InvalidPromptException(
            "token id " + id + ": expected 0 to " + (vocabSize - 1) + ", the model's vocabulary");
      }
    }
  }
}
