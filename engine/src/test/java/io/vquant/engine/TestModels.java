package io.vquant.engine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The models and recorded results that tests share; without their folder a test is skipped. */
final class TestModels {
  private static final Path WORK = Path.of("target", "test-models").toAbsolutePath();

  private TestModels() {}

  /** The folder of shared test data. */
  static Path shared() {
    String name = System.getProperty("vquant.test.shared");
    assumeTrue(name != null && Files.isDirectory(Path.of(name)), "no shared test data");
    return Path.of(name);
  }

  static Path tiny() {
    return shared().resolve("models/vquant-tiny");
  }

  /** SmolLM2, unpacked once; the script checks a checksum and puts the file there by renaming. */
  static synchronized Path smolLm2() {
    Path target = WORK.resolve("smollm2-135m-instruct");
    if (Files.notExists(target.resolve("model.safetensors"))) {
      String script = shared().resolve("models/unpack.sh").toString();
      try {
        Process process =
            new ProcessBuilder(List.of("bash", script, target.toString())).inheritIO().start();
        if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != 0) {
          process.destroyForcibly();
          throw new IllegalStateException(script + " failed");
        }
      } catch (IOException | InterruptedException failure) {
        throw new IllegalStateException(script, failure);
      }
    }
    return target;
  }

  static Path nativeCache() {
    return WORK.resolve("native");
  }

  static JsonNode golden(String name) {
    return JsonMapper.shared().readTree(shared().resolve("goldens").resolve(name).toFile());
  }

  /** With tokenizer, float32 cache, two threads. */
  static EngineOptions options(Path model) {
    return EngineOptions.of(model, nativeCache())
        .withThreads(2)
        .withKvPolicy(KvPolicy.plain(DType.F32));
  }

  static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }
}
