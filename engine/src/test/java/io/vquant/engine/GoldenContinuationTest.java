package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.engine.sampling.Candidates;
import io.vquant.engine.sampling.LogitsProcessor;
import io.vquant.engine.sampling.TokenHistory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/**
 * Greedy continuations recorded with transformers (float32 activations and cache), token for token.
 * Where the best two logits are closer than 0.002, rounding may choose the other one; the
 * comparison of that continuation ends there.
 */
class GoldenContinuationTest {
  private static final float TIE = 0.002f;

  /** Remembers the distance between the best two logits of each step. */
  private static final class GapRecorder implements LogitsProcessor {
    private final List<Float> gaps = new ArrayList<>();

    @Override
    public void process(Candidates candidates, TokenHistory history) {
      float best = Float.NEGATIVE_INFINITY;
      float second = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < candidates.size(); i++) {
        float logit = candidates.logit(i);
        if (logit > best) {
          second = best;
          best = logit;
        } else if (logit > second) {
          second = logit;
        }
      }
      gaps.add(best - second);
    }
  }

  private static void checkContinuation(
      GenerationSession session, String name, int[] prompt, int[] expected) {
    GapRecorder recorder = new GapRecorder();
    GenerationResult result =
        session.generate(
            GenerationRequest.builder(prompt)
                .maxTokens(expected.length)
                .logitsProcessors(List.of(recorder))
                .build());
    int difference = Arrays.mismatch(result.tokenIds(), expected);
    if (difference >= 0 && difference < Math.min(result.tokenIds().length, expected.length)) {
      assertThat(recorder.gaps.get(difference))
          .as("%s: another token at step %d, without a tie", name, difference)
          .isLessThan(TIE);
    } else {
      assertThat(result.tokenIds()).as(name).isEqualTo(expected);
    }
  }

  @Test
  void bundledModel() {
    JsonNode golden = TestModels.golden("vquant-tiny.json");
    try (Engine engine = Engine.open(TestModels.options(TestModels.tiny()));
        GenerationSession session = engine.newSession()) {
      for (JsonNode item : golden.get("greedy")) {
        String text = item.get("text").stringValue();
        int[] prompt = TestModels.ints(item.get("prompt_ids"));
        checkContinuation(session, text, prompt, TestModels.ints(item.get("new_ids")));
      }
    }
  }

  @Test
  void smolLm2() {
    JsonNode golden = TestModels.golden("smollm2.json");
    try (Engine engine = Engine.open(TestModels.options(TestModels.smolLm2()));
        GenerationSession session = engine.newSession()) {
      for (JsonNode item : golden.get("greedy")) {
        String text = item.get("text").stringValue();
        int[] prompt = TestModels.ints(item.get("prompt_ids"));
        checkContinuation(session, text, prompt, TestModels.ints(item.get("greedy_ids")));
      }
    }
  }

  @Test
  void textOfTheBundledModelIsTheRecordedOne() {
    JsonNode item = TestModels.golden("vquant-tiny.json").get("greedy").get(0);
    try (Engine engine = Engine.open(TestModels.options(TestModels.tiny()));
        GenerationSession session = engine.newSession()) {
      int[] prompt = engine.tokenizer().encodeRaw(item.get("text").stringValue());
      assertThat(prompt).isEqualTo(TestModels.ints(item.get("prompt_ids")));
      GenerationResult result =
          session.generate(GenerationRequest.builder(prompt).maxTokens(40).build());
      assertThat(result.text()).hasSizeGreaterThan(80);
      assertThat(item.get("new_text").stringValue()).startsWith(result.text());
    }
  }
}
