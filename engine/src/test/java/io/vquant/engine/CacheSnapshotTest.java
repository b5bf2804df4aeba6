package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.kernels.kvcache.KvPolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Caches in files: what comes back goes on with the same bits; what is wrong is refused whole. */
class CacheSnapshotTest {
  private static final long SEED = 20261122;
  private static Engine engine;
  private static int[] prompt;
  @TempDir private Path temp;

  @BeforeAll
  static void open() {
    engine = Engine.open(TestModels.options(TestModels.tiny()).withContextLength(1024));
    int[] text = engine.tokenizer().encodeRaw("Once upon a time there was a fox. ".repeat(40));
    prompt = Arrays.copyOf(text, 330);
  }

  @AfterAll
  static void close() {
    if (engine != null) {
      engine.close();
    }
  }

  private static GenerationSession session(String policy) {
    return engine.newSession(KvPolicy.parse(policy));
  }

  private static GenerationResult generate(GenerationSession session, int[] ids, int tokens) {
    return session.generate(
        GenerationRequest.builder(ids).maxTokens(tokens).ignoreEos(true).build());
  }

  private Path saved(String policy) throws IOException {
    Path file = temp.resolve("cache");
    try (GenerationSession session = session(policy)) {
      generate(session, prompt, 20);
      session.saveCache(file);
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"f32", "bf16", "k8v4", "k4v4,lines=4%,window=64", "k2v2"})
  void whatComesBackGoesOnWithTheSameBits(String policy) throws IOException {
    Path file = temp.resolve("cache");
    try (GenerationSession first = session(policy);
        GenerationSession second = session(policy)) {
      generate(first, prompt, 20);
      first.saveCache(file);
      int[] longer = Arrays.copyOf(first.tokenIds(), first.tokenIds().length + 70);
      System.arraycopy(prompt, 0, longer, first.tokenIds().length, 70);
      GenerationResult expected = generate(first, longer, 90);

      generate(second, new int[] {5, 6, 7}, 3);
      second.loadCache(file);
      GenerationResult result = generate(second, longer, 90);
      assertThat(result.tokenIds()).isEqualTo(expected.tokenIds());
      assertThat(result.stats().cachedTokens()).isEqualTo(expected.stats().cachedTokens());
      assertThat(second.kvUsage()).isEqualTo(first.kvUsage());
    }
    try (var files = Files.list(temp)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void damageIsRefusedBeforeAnythingChanges() throws IOException {
    byte[] right = Files.readAllBytes(saved("k8v4"));
    Path damaged = temp.resolve("damaged");
    SplittableRandom random = new SplittableRandom(SEED);
    try (GenerationSession session = session("k8v4")) {
      generate(session, prompt, 4);
      int[] before = session.tokenIds();
      KvUsage usage = session.kvUsage();
      for (int i = 0; i < 60; i++) {
        byte[] wrong = right.clone();
        int at = i < 20 ? i * 7 : random.nextInt(wrong.length);
        int bit = random.nextInt(8);
        wrong[at] ^= (byte) (1 << bit);
        Files.write(damaged, i % 5 == 4 ? Arrays.copyOf(right, at) : wrong);
        assertThatThrownBy(() -> session.loadCache(damaged))
            .as("seed %d, byte %d, bit %d", SEED, at, bit)
            .isInstanceOf(BadSnapshotException.class)
            .hasMessageStartingWith(damaged + ": ");
      }
      Files.write(damaged, Arrays.copyOf(right, right.length + 1));
      assertThatThrownBy(() -> session.loadCache(damaged))
          .hasMessage(damaged + ": more than belongs to it");
      assertThat(session.tokenIds()).isEqualTo(before);
      assertThat(session.kvUsage()).isEqualTo(usage);
      session.loadCache(temp.resolve("cache"));
    }
  }

  @Test
  void anotherPolicyIsRefused() throws IOException {
    Path file = saved("k8v4");
    try (GenerationSession session = session("k4v4")) {
      assertThatThrownBy(() -> session.loadCache(file))
          .isInstanceOf(BadSnapshotException.class)
          .hasMessageContaining("made with policy k8v4,")
          .hasMessageContaining(", expected k4v4,");
    }
  }

  @Test
  void anotherModelIsRefused() throws IOException {
    Path file = saved("bf16");
    Path other = Files.createDirectory(temp.resolve("other"));
    try (var files = Files.list(TestModels.tiny())) {
      for (Path source : files.toList()) {
        Files.copy(source, other.resolve(source.getFileName()));
      }
    }
    Path weights = other.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 1; // the least change there can be
    Files.write(weights, bytes);
    try (Engine changed = Engine.open(TestModels.options(other).withContextLength(1024));
        GenerationSession session = changed.newSession(KvPolicy.parse("bf16"))) {
      assertThatThrownBy(() -> session.loadCache(file))
          .isInstanceOf(BadSnapshotException.class)
          .hasMessageContaining("made with model ");
    }
  }

  @Test
  void moreTokensThanTheContextAreRefused() throws IOException {
    Path file = saved("bf16");
    try (Engine small = Engine.open(TestModels.options(TestModels.tiny()).withContextLength(128));
        GenerationSession session = small.newSession(KvPolicy.parse("bf16"))) {
      assertThatThrownBy(() -> session.loadCache(file))
          .hasMessage(file + ": tokens 350: expected 0 to 128");
    }
  }

  @Test
  void aFileThatCannotBeWrittenLeavesTheOldOne() throws IOException {
    Path file = temp.resolve("folder");
    Files.createDirectories(file.resolve("inside"));
    try (GenerationSession session = session("bf16")) {
      generate(session, prompt, 2);
      assertThatThrownBy(() -> session.saveCache(file)).isInstanceOf(IOException.class);
      assertThat(file.resolve("inside")).exists();
      try (var files = Files.list(temp)) {
        assertThat(files).as("nothing is left over").containsExactly(file);
      }
    }
  }
}
