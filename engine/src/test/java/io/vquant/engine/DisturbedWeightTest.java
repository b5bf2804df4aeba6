package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.eval.TokenDivergence;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.weights.StoredTensor;
import io.vquant.weights.safetensors.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that differs in the sign of one weight predicts otherwise; an equal copy does not. */
class DisturbedWeightTest {
  private static final String WEIGHTS = "model.safetensors";
  private static final int[] TOKENS = {1, 5, 9, 200, 17, 3, 80, 44};
  @TempDir private Path temp;

  /** A copy of a small model; its last byte holds the sign of a weight. */
  private Path copy(String name, int lastByteXor) throws IOException {
    Path source = TestModels.shared().resolve("goldens/llama-mha-f32");
    Path folder = Files.createDirectory(temp.resolve(name));
    Files.copy(source.resolve("config.json"), folder.resolve("config.json"));
    byte[] weights = Files.readAllBytes(source.resolve(WEIGHTS));
    weights[weights.length - 1] ^= (byte) lastByteXor;
    Files.write(folder.resolve(WEIGHTS), weights);
    return folder;
  }

  private float[] logits(Path model) throws IOException {
    Path file = temp.resolve("logits.safetensors");
    EngineOptions options = EngineOptions.of(model, null).withThreads(1);
    try (Engine engine = Engine.open(options.withKvPolicy(KvPolicy.plain(DType.F32)));
        Arena arena = Arena.ofConfined()) {
      engine.writeLogits(file, TOKENS, false, GenerationListener.NONE);
      StoredTensor stored = SafetensorsFile.open(file, arena).tensors().get("logits");
      float[] values = new float[(int) stored.elementCount()];
      for (int i = 0; i < values.length; i++) {
        values[i] = stored.floatAt(i);
      }
      return values;
    }
  }

  private static List<TokenDivergence> compare(float[] base, float[] logits) {
    int vocabSize = base.length / TOKENS.length;
    List<TokenDivergence> tokens = new ArrayList<>();
    for (int i = 0; i + 1 < TOKENS.length; i++) {
      long offset = (long) i * vocabSize * Float.BYTES;
      tokens.add(
          TokenDivergence.of(
              MemorySegment.ofArray(base),
              offset,
              MemorySegment.ofArray(logits),
              offset,
              vocabSize,
              TOKENS[i + 1]));
    }
    return tokens;
  }

  @Test
  void divergesEverywhereAndTheCopyNowhere() throws IOException {
    float[] base = logits(copy("base", 0));
    assertThat(compare(base, logits(copy("equal", 0))))
        .allSatisfy(token -> assertThat(token.kld()).isZero());
    assertThat(compare(base, logits(copy("disturbed", 0x80))))
        .allSatisfy(token -> assertThat(token.kld()).isPositive());
  }
}
