package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class GenerationSessionTest {
  private static final int CONTEXT = 256;
  private static Engine engine;
  private static int[] prompt;

  @BeforeAll
  static void open() {
    engine = Engine.open(TestModels.options(TestModels.tiny()).withContextLength(CONTEXT));
    prompt = engine.tokenizer().encodeRaw("Once upon a time");
  }

  @AfterAll
  static void close() {
    if (engine != null) {
      engine.close();
    }
  }

  private static GenerationResult generate(GenerationRequest request) {
    return generate(request, GenerationListener.NONE);
  }

  private static GenerationResult generate(GenerationRequest request, GenerationListener listener) {
    try (GenerationSession session = engine.newSession()) {
      return session.generate(request, listener);
    }
  }

  private static GenerationRequest.Builder request() {
    return GenerationRequest.builder(prompt).maxTokens(30);
  }

  @Test
  void aSeedMeansOneTextAndIsReported() {
    SamplingParams warm = SamplingParams.greedy().withTemperature(1);
    GenerationResult first = generate(request().sampling(warm).build());
    GenerationResult again = generate(request().sampling(warm.withSeed(first.seed())).build());
    assertThat(again.tokenIds()).isEqualTo(first.tokenIds());
    assertThat(again.text()).isEqualTo(first.text());
    GenerationResult other = generate(request().sampling(warm.withSeed(first.seed() + 1)).build());
    assertThat(other.tokenIds()).as("seed %d", first.seed()).isNotEqualTo(first.tokenIds());
  }

  @Test
  void piecesAndTokensToldAreThoseOfTheResult() {
    StringBuilder text = new StringBuilder();
    List<Integer> tokens = new ArrayList<>();
    List<Long> prefill = new ArrayList<>();
    GenerationListener listener =
        new GenerationListener() {
          @Override
          public void onPrefill(long done, long total) {
            assertThat(total).isEqualTo((long) prompt.length * engine.config().numHiddenLayers());
            prefill.add(done);
          }

          @Override
          public void onToken(int tokenId) {
            tokens.add(tokenId);
          }

          @Override
          public void onText(String piece) {
            assertThat(piece).isNotEmpty();
            text.append(piece);
          }
        };
    GenerationResult result = generate(request().build(), listener);
    assertThat(result.text()).isEqualTo(text.toString());
    assertThat(tokens)
        .containsExactly(Arrays.stream(result.tokenIds()).boxed().toArray(Integer[]::new));
    assertThat(prefill)
        .isSorted()
        .endsWith((long) prompt.length * engine.config().numHiddenLayers());
    assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
    GenerationStats stats = result.stats();
    assertThat(stats.prefillTokens()).isEqualTo(prompt.length);
    assertThat(stats.decodeTokens()).isEqualTo(29);
    assertThat(stats.firstTokenNanos()).isPositive();
    assertThat(stats.decodeTokensPerSecond()).isPositive();
  }

  @Test
  void stopStringsAcrossTokensCutTheTextBeforeThem() {
    String whole = generate(request().build()).text();
    String stop = whole.substring(11, 23); // longer than any one token
    StringBuilder told = new StringBuilder();
    GenerationListener listener =
        new GenerationListener() {
          @Override
          public void onText(String piece) {
            told.append(piece);
          }
        };
    GenerationResult cut =
        generate(request().stopStrings(List.of("never there", stop)).build(), listener);
    assertThat(cut.finishReason()).isEqualTo(FinishReason.STOP_TEXT);
    assertThat(cut.text()).isEqualTo(whole.substring(0, 11)).isEqualTo(told.toString());
    assertThat(cut.tokenIds()).hasSizeLessThan(30);
  }

  @Test
  void anEosTokenEndsTheAnswerAndIsNotInItsText() {
    int[] chat = engine.tokenizer().encodeRaw("Count to 12.");
    GenerationResult ended = generate(GenerationRequest.builder(chat).maxTokens(240).build());
    assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);
    int last = ended.tokenIds()[ended.tokenIds().length - 1];
    assertThat(engine.generationDefaults().eosTokenIds()).contains(last);
    assertThat(ended.text()).doesNotContain(engine.tokenizer().token(last));
    GenerationResult on =
        generate(
            GenerationRequest.builder(chat)
                .maxTokens(ended.tokenIds().length + 3)
                .ignoreEos(true)
                .build());
    assertThat(on.finishReason()).isEqualTo(FinishReason.LENGTH);
    assertThat(on.tokenIds()).startsWith(ended.tokenIds()).hasSize(ended.tokenIds().length + 3);
  }

  @Test
  void theContextIsFilledToItsLastToken() {
    int[] longPrompt = new int[CONTEXT - 3];
    Arrays.fill(longPrompt, prompt[1]);
    GenerationResult result =
        generate(GenerationRequest.builder(longPrompt).ignoreEos(true).build());
    assertThat(result.finishReason()).isEqualTo(FinishReason.CONTEXT);
    assertThat(result.tokenIds()).hasSize(3);
  }

  @Test
  void promptsThatDoNotFitAreRefusedWithBothNumbers() {
    assertThatThrownBy(() -> generate(GenerationRequest.builder(new int[CONTEXT]).build()))
        .isInstanceOf(InvalidPromptException.class)
        .hasMessage(
            "prompt of 256 tokens: the context holds 256, at least 1 of them for the answer");
    assertThatThrownBy(() -> generate(GenerationRequest.builder(new int[] {1, 4096}).build()))
        .isInstanceOf(InvalidPromptException.class)
        .hasMessage("token id 4096: expected 0 to 4095, the model's vocabulary");
    assertThatThrownBy(() -> generate(GenerationRequest.builder(new int[] {-1}).build()))
        .isInstanceOf(InvalidPromptException.class);
  }

  @Test
  void aConversationComputesOnlyWhatIsNew() {
    try (GenerationSession session = engine.newSession()) {
      int[] first = session.generate(request().build()).tokenIds();
      int[] continued = session.tokenIds();
      assertThat(continued).startsWith(prompt).endsWith(first);
      GenerationResult more =
          session.generate(GenerationRequest.builder(continued).maxTokens(20).build());
      assertThat(more.stats().prefillTokens()).isEqualTo(1);
      assertThat(more.stats().cachedTokens()).isEqualTo(continued.length - 1);
      GenerationResult fresh = generate(GenerationRequest.builder(continued).maxTokens(20).build());
      assertThat(more.tokenIds()).isEqualTo(fresh.tokenIds());
      // Back to the shorter prompt: what came after it is forgotten.
      assertThat(session.generate(request().build()).tokenIds()).isEqualTo(first);
    }
  }

  @Test
  void cancellingEndsDecodeWithWhatThereIs() {
    try (GenerationSession session = engine.newSession()) {
      GenerationListener third =
          new GenerationListener() {
            private int tokens;

            @Override
            public void onToken(int tokenId) {
              if (++tokens == 3) {
                session.cancel();
              }
            }
          };
      GenerationResult result = session.generate(request().build(), third);
      assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
      assertThat(result.tokenIds()).hasSize(3);
      assertThat(session.generate(request().build()).finishReason()).isEqualTo(FinishReason.LENGTH);
    }
  }

  @Test
  void cancellingEndsPrefill() {
    try (GenerationSession session = engine.newSession()) {
      GenerationListener atOnce =
          new GenerationListener() {
            @Override
            public void onPrefill(long done, long total) {
              session.cancel();
            }
          };
      GenerationResult result = session.generate(request().build(), atOnce);
      assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
      assertThat(result.tokenIds()).isEmpty();
      assertThat(result.text()).isEmpty();
      assertThat(session.generate(request().build()).tokenIds())
          .isEqualTo(generate(request().build()).tokenIds());
    }
  }

  @Test
  void sessionsOnTwoThreadsDoNotDisturbEachOther() throws InterruptedException {
    int[] expected = generate(request().build()).tokenIds();
    List<int[]> results = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      threads.add(
          Thread.ofPlatform()
              .start(() -> {
                int[] tokens = generate(request().build()).tokenIds();
                synchronized (results) {
                  results.add(tokens);
                }
              }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(results).hasSize(2).allSatisfy(tokens -> assertThat(tokens).isEqualTo(expected));
  }
}
