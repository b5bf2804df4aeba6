package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.reference.ReferenceBackend;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A trained model's recorded continuations, as far as the slow reference gets in seconds. */
class BundledModelTest {
  private static final int NEW_TOKENS = 24;

  @Test
  void continuesAsRecorded() throws IOException {
    Path recorded = SharedFolder.resolve("goldens").resolve("vquant-tiny.json");
    JsonNode greedy = JsonMapper.shared().readTree(Files.readString(recorded)).get("greedy");
    try (ReferenceBackend backend = new ReferenceBackend();
        LoadedModel loaded =
            ModelLoader.load(
                SharedFolder.resolve("models").resolve("vquant-tiny"),
                backend,
                LoadListener.NONE)) {
      assertThat(loaded.notices()).isEmpty();
      for (int i = 0; i < 2; i++) {
        int[] prompt = ids(greedy.get(i).get("prompt_ids"), Integer.MAX_VALUE);
        int[] expected = ids(greedy.get(i).get("new_ids"), NEW_TOKENS);
        assertThat(generate(loaded.model(), prompt, expected.length))
            .as("continuation %d", i)
            .isEqualTo(expected);
      }
    }
  }

  private static int[] generate(CausalLm model, int[] prompt, int count) {
    int[] generated = new int[count];
    try (KvCache cache = model.newCache(prompt.length + count, DType.F32)) {
      Tensor hidden = model.forward(prompt, 0, prompt.length, cache, ForwardListener.NONE);
      hidden = hidden.rows(prompt.length - 1, 1);
      for (int i = 0; i < count; i++) {
        generated[i] = Rows.argmax(Rows.row(model.logits(hidden), 0));
        hidden = model.forward(generated, i, 1, cache, ForwardListener.NONE);
      }
    }
    return generated;
  }

  private static int[] ids(JsonNode list, int limit) {
    int[] ids = new int[Math.min(limit, list.size())];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = list.get(i).intValue();
    }
    return ids;
  }
}
