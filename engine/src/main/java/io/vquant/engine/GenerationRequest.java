package io.vquant.engine;

import io.vquant.engine.sampling.LogitsProcessor;
import java.util.List;

/** What to generate: the whole prompt as token ids, how to choose tokens, and when to end. */
public final class GenerationRequest {
  /** For {@link Builder#maxTokens}: to the end of the answer or of the context. */
  public static final int UNLIMITED = -1;

  private final int[] promptIds;
  private final SamplingParams sampling;
  private final int maxTokens;
  private final List<String> stopStrings;
  private final boolean ignoreEos;
  private final List<LogitsProcessor> logitsProcessors;

  private GenerationRequest(Builder builder) {
    promptIds = builder.promptIds;
    sampling = builder.sampling;
    maxTokens = builder.maxTokens;
    stopStrings = builder.stopStrings;
    ignoreEos = builder.ignoreEos;
    logitsProcessors = builder.logitsProcessors;
  }

  /**
   * Starts a request that is greedy, unlimited and without stop strings.
   *
   * @param promptIds the whole prompt, from position 0; a session computes only what its cache does
   *     not hold yet
   * @throws InvalidPromptException if the prompt is empty
   */
  public static Builder builder(int[] promptIds) {
    return new Builder(promptIds);
  }

  public int[] promptIds() {
    return promptIds.clone();
  }

  int promptTokens() {
    return promptIds.length;
  }

  public SamplingParams sampling() {
    return sampling;
  }

  /** Most tokens to produce, or {@link #UNLIMITED}. */
  public int maxTokens() {
    return maxTokens;
  }

  public List<String> stopStrings() {
    return stopStrings;
  }

  public boolean ignoreEos() {
    return ignoreEos;
  }

  public List<LogitsProcessor> logitsProcessors() {
    return logitsProcessors;
  }

  /** Collects the parts of a request; each method checks its value. */
  public static final class Builder {
    private final int[] promptIds;
    private SamplingParams sampling = SamplingParams.greedy();
    private int maxTokens = UNLIMITED;
    private List<String> stopStrings = List.of();
    private boolean ignoreEos;
    private List<LogitsProcessor> logitsProcessors = List.of();

    private Builder(int[] promptIds) {
      if (promptIds.length == 0) {
        throw new InvalidPromptException("prompt of 0 tokens: expected at least 1");
      }
      this.promptIds = promptIds.clone();
    }

    public Builder sampling(SamplingParams value) {
      sampling = value;
      return this;
    }

    /** Most tokens to produce: 1 or more, or {@link GenerationRequest#UNLIMITED}. */
    public Builder maxTokens(int value) {
      if (value < 1 && value != UNLIMITED) {
        throw new IllegalArgumentException(
            "max-tokens " + value + ": expected 1 or more, or -1 (to the end)");
      }
      maxTokens = value;
      return this;
    }

    /** The generation ends before the first of these in the text. */
    public Builder stopStrings(List<String> value) {
      if (value.contains("")) {
        throw new IllegalArgumentException("stop text \"\": expected at least one character");
      }
      stopStrings = List.copyOf(value);
      return this;
    }

    /** Goes on after end-of-sequence tokens. */
    public Builder ignoreEos(boolean value) {
      ignoreEos = value;
      return this;
    }

    /** Run on each step's logits before the processors of {@link #sampling}, in this order. */
    public Builder logitsProcessors(List<LogitsProcessor> value) {
      logitsProcessors = List.copyOf(value);
      return this;
    }

    public GenerationRequest build() {
      return new GenerationRequest(this);
    }
  }
}
