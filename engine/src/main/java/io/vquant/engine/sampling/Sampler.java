package io.vquant.engine.sampling;

import io.vquant.engine.SamplingParams;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Chooses the tokens of one generation. The order of processors is that of transformers: own ones,
 * penalties, temperature, top-k, top-p, min-p, then the draw; a model's generation_config.json was
 * tuned with that order, and llama.cpp's (temperature last) would give its top-p another meaning.
 * Top-k runs before the temperature, which does not change what it keeps, only what the rest costs.
 */
public final class Sampler {
  private final boolean greedy;
  private final boolean hasOwnProcessors;
  private final List<LogitsProcessor> processors;
  private final Candidates candidates;
  private final SplitMix64 random;

  /**
   * A sampler with its own generator and arrays of the vocabulary's size.
   *
   * @param ownProcessors run before those that {@code params} ask for
   */
  public Sampler(
      SamplingParams params, long seed, int vocabSize, List<LogitsProcessor> ownProcessors) {
    greedy = params.isGreedy();
    hasOwnProcessors = !ownProcessors.isEmpty();
    processors = processors(params, ownProcessors);
    candidates = new Candidates(vocabSize);
    random = new SplitMix64(seed);
  }

  /** Whether processors of the caller's take part, which may be those of other samplers too. */
  public boolean hasOwnProcessors() {
    return hasOwnProcessors;
  }

  /** Whether it always takes the token with the largest logit as it is. */
  public boolean takesLargest() {
    return greedy && processors.isEmpty();
  }

  /**
   * Chooses the next token. Allocates nothing.
   *
   * @param logits host memory, {@code [rows, vocabSize]} F32; the last row is used
   * @throws NonFiniteLogitsException if a logit is NaN or infinite
   */
  public int sample(Tensor logits, TokenHistory history) {
    if (logits.dtype() != DType.F32 || logits.columns() != candidates.vocabSize()) {
      throw new IllegalArgumentException(
          "logits " + logits + ": expected F32 with " + candidates.vocabSize() + " columns");
    }
    candidates.load(logits.segment(), logits.rowByteOffset(logits.rows() - 1));
    for (int i = 0; i < processors.size(); i++) {
      processors.get(i).process(candidates, history);
    }
    int chosen = greedy ? candidates.indexOfMax() : candidates.draw(random.nextDouble());
    return candidates.tokenId(chosen);
  }

  private static List<LogitsProcessor> processors(
      SamplingParams params, List<LogitsProcessor> own) {
    int window = SamplingParams.PENALTY_WINDOW_TOKENS;
    List<LogitsProcessor> chain = new ArrayList<>(own);
    if (params.repetitionPenalty() != 1) {
      chain.add(new RepetitionPenalty(params.repetitionPenalty(), window));
    }
    if (params.frequencyPenalty() != 0) {
      chain.add(new FrequencyPenalty(params.frequencyPenalty(), window));
    }
    if (params.presencePenalty() != 0) {
      chain.add(new PresencePenalty(params.presencePenalty(), window));
    }
    if (params.isGreedy()) {
      return List.copyOf(chain);
    }
    if (params.topK() > 0) {
      chain.add(new TopK(params.topK()));
    }
    if (params.temperature() != 1) {
      chain.add(new Temperature(params.temperature()));
    }
    if (params.topP() < 1) {
      chain.add(new TopP(params.topP()));
    }
    if (params.minP() > 0) {
      chain.add(new MinP(params.minP()));
    }
    return List.copyOf(chain);
  }
}
