package io.vquant.tokenizer;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The tokenizers that tests run on, in the folder of test data beside the checkout. */
public final class SharedTokenizers {
  public static final List<String> GOLDENS =
      List.of("sentencepiece-bpe", "byte-level-llama3", "byte-level-qwen", "unigram");
  public static final Path NATIVE_CACHE = Path.of("target", "native-cache");

  private SharedTokenizers() {}

  /** Skips the test where the whole folder is absent, and only there. */
  public static Path shared(String path) {
    Path shared = Path.of(System.getProperty("vquant.test.shared"));
    assumeTrue(Files.isDirectory(shared), "no test data at " + shared);
    return shared.resolve(path);
  }

  public static Tokenizer golden(String name) {
    return Tokenizer.open(shared("goldens/tokenizers").resolve(name), NATIVE_CACHE);
  }

  public static Tokenizer model(String name) {
    return Tokenizer.open(shared("models").resolve(name), NATIVE_CACHE);
  }

  /** The cases recorded with a golden tokenizer. */
  public static List<Map<?, ?>> cases(String name) {
    return maps(
        JsonFile.readObject(shared("goldens/tokenizers").resolve(name).resolve("cases.json"))
            .get("cases"));
  }

  public static List<Map<?, ?>> maps(Object value) {
    return ((List<?>) value).stream().<Map<?, ?>>map(entry -> (Map<?, ?>) entry).toList();
  }

  public static int[] ints(Object value) {
    return ((List<?>) value).stream().mapToInt(id -> ((Number) id).intValue()).toArray();
  }
}
