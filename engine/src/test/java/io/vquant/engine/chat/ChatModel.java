package io.vquant.engine.chat;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineOptions;
import io.vquant.engine.SamplingParams;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.ChatTokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The bundled model, opened for a test of conversations. */
public record ChatModel(Engine engine) implements AutoCloseable {
  /** Opens it with a context of so many tokens. */
  public static ChatModel open(String kv, int contextLength) {
    String shared = System.getProperty("vquant.test.shared");
    assumeTrue(shared != null && Files.isDirectory(Path.of(shared)), "no shared test data");
    Path nativeCache = Path.of("target", "test-models", "native").toAbsolutePath();
    return new ChatModel(
        Engine.open(
            EngineOptions.of(folder(), nativeCache)
                .withThreads(2)
                .withContextLength(contextLength)
                .withKvPolicy(kv.equals("auto") ? KvPolicy.nearLossless() : KvPolicy.parse(kv))));
  }

  private static Path folder() {
    return Path.of(System.getProperty("vquant.test.shared"), "models", "vquant-tiny");
  }

  /** The model's own template. */
  public PromptFormat format() {
    return PromptFormat.ofTemplate(chatTokenizer());
  }

  ChatTokenizer chatTokenizer() {
    return ChatTokenizer.of(engine.tokenizer(), folder());
  }

  /** A conversation that begins with these messages. */
  public Conversation conversation(ChatMessage... messages) {
    return new Conversation(engine, format(), ChatRequest.of(List.of(messages)));
  }

  static AnswerSettings greedy(int maxTokens) {
    return AnswerSettings.of(SamplingParams.greedy()).withMaxTokens(maxTokens);
  }

  @Override
  public void close() {
    engine.close();
  }
}
