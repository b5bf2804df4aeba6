package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The example in the documentation of {@link Engine}. */
class EngineExampleTest {

  private static String tellStory(Path modelDirectory, Path nativeCacheDirectory) {
    StringBuilder story = new StringBuilder();
    // @start region="example"
    EngineOptions options = EngineOptions.of(modelDirectory, nativeCacheDirectory);
    try (Engine engine = Engine.open(options);
        GenerationSession session = engine.newSession()) {
      int[] prompt = engine.tokenizer().encodeRaw("Once upon a time");
      GenerationRequest request =
          GenerationRequest.builder(prompt)
              .sampling(engine.generationDefaults().sampling().withSeed(42))
              .maxTokens(60)
              .build();
      GenerationListener listener =
          new GenerationListener() {
            @Override
            public void onText(String piece) {
              story.append(piece);
            }
          };
      GenerationResult result = session.generate(request, listener);
      assert result.text().equals(story.toString());
    }
    // @end
    return story.toString();
  }

  @Test
  void tellsTheSameStoryForTheSameSeed() {
    String story = tellStory(TestModels.tiny(), TestModels.nativeCache());
    assertThat(story.split(" ")).hasSizeGreaterThan(20);
    assertThat(tellStory(TestModels.tiny(), TestModels.nativeCache())).isEqualTo(story);
  }
}
