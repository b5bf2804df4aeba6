package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.sun.management.ThreadMXBean;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Seeded mutations of good configs: either a config comes out, or the one exception, and soon. */
class ConfigFuzzTest {
  private static final long SEED = 20_260_101;
  private static final int COUNT = Integer.getInteger("vquant.fuzz.count", 100_000);

  /** Above what an honest config of a few KB takes, far below any size that one can claim. */
  private static final long MAX_BYTES_EACH = 16L << 20;

  private static final List<String> SPLICES =
      List.of(
          "null",
          "true",
          "false",
          "[]",
          "{}",
          "0",
          "-1",
          "1e309",
          "-0.0",
          "2147483647",
          "9223372036854775807",
          "1e-320",
          "\"\"",
          "\"\\ud800\"",
          "\"NaN\"",
          "NaN",
          "[[[[[[[[",
          "{\"a\":",
          "1000000000",
          "4096",
          "\"rope_scaling\"",
          "\"yarn\"",
          "\"llama3\"",
          "\"linear\"",
          "\"factor\"",
          "\"sliding_attention\"",
          "\"full_attention\"",
          "\u0000",
          ",",
          ":",
          "\n");

  private static final List<String> SEEDS =
      List.of(
          ConfigText.llama().toString(),
          ConfigText.llama()
              .with(
                  "rope_scaling",
                  "{\"rope_type\": \"yarn\", \"factor\": 4.0, \"beta_fast\": 32, \"truncate\": false,"
                      + " \"original_max_position_embeddings\": 64}")
              .toString(),
          ConfigText.of("SmolLM3ForCausalLM", "smollm3")
              .with("no_rope_layers", "[1, 0, 1]")
              .with("use_sliding_window", "true")
              .with("sliding_window", "8")
              .toString(),
          ConfigText.of("Qwen3ForCausalLM", "qwen3")
              .with("rope_parameters", "{\"full_attention\": {\"rope_type\": \"llama3\"}}")
              .with("layer_types", "[\"full_attention\", \"full_attention\", \"full_attention\"]")
              .toString());

  @Test
  void onlyMalformedConfigExceptionsComeOut() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int accepted = 0;
    for (int i = 0; i < COUNT; i++) {
      byte[] json = mutated(new Random(SEED + i));
      long before = threads.getCurrentThreadAllocatedBytes();
      try {
        ModelConfig config = ConfigText.parse(json);
        MemoryPlan plan =
            MemoryPlan.of(config, 1, config.maxPositionEmbeddings(), KvPolicy.plain(DType.F32));
        if (plan.totalByteSize() <= 0) {
          fail("seed " + (SEED + i) + ": " + plan);
        }
        for (LayerConfig layer : config.layers()) {
          if (layer.rope() != null && config.headDim() <= 1024) {
            layer.rope().toRotarySpec(config.headDim());
            break;
          }
        }
        accepted++;
      } catch (MalformedConfigException expected) {
        if (expected.getMessage().contains("\n")) {
          fail("seed " + (SEED + i) + ": message of two lines: " + expected.getMessage());
        }
      } catch (RuntimeException | Error unexpected) {
        fail("seed " + (SEED + i) + ": " + new String(json, StandardCharsets.UTF_8), unexpected);
      }
      long bytes = threads.getCurrentThreadAllocatedBytes() - before;
      if (bytes > MAX_BYTES_EACH) {
        fail("seed " + (SEED + i) + " allocated " + bytes + " bytes");
      }
    }
    assertThat(accepted).as("mutations that stay valid").isBetween(1, COUNT - 1);
  }

  private static byte[] mutated(Random random) {
    StringBuilder text = new StringBuilder(SEEDS.get(random.nextInt(SEEDS.size())));
    for (int edits = 1 + random.nextInt(3); edits > 0 && !text.isEmpty(); edits--) {
      int at = random.nextInt(text.length());
      switch (random.nextInt(5)) {
        case 0 -> text.setCharAt(at, (char) random.nextInt(256));
        case 1 -> text.delete(at, Math.min(text.length(), at + 1 + random.nextInt(12)));
        case 2 -> text.insert(at, SPLICES.get(random.nextInt(SPLICES.size())));
        case 3 -> replaceValue(text, at, random);
        default -> text.setLength(at);
      }
    }
    byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
    if (bytes.length > 0 && random.nextInt(10) == 0) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    }
    return bytes;
  }

  /** Puts another value in the place of the one after the next colon. */
  private static void replaceValue(StringBuilder text, int from, Random random) {
    int colon = text.indexOf(":", from);
    if (colon < 0) {
      return;
    }
    int end = colon + 1;
    while (end < text.length() && ",}]".indexOf(text.charAt(end)) < 0) {
      end++;
    }
    text.replace(colon + 1, end, SPLICES.get(random.nextInt(SPLICES.size())));
  }
}
