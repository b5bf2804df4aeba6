package io.vquant.model.loading;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.ConfigText;
import io.vquant.model.ModelConfig;
import io.vquant.weights.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RandomModelTest {

  @ParameterizedTest
  @ValueSource(strings = {"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})
  void itsSizeIsKnownBefore(String architecture) {
    for (boolean tied : new boolean[] {true, false}) {
      ModelConfig config = config(architecture, tied);
      try (KernelBackend backend = Backends.open(Device.CPU, new BackendOptions(2))) {
        List<Long> told = new ArrayList<>();
        try (LoadedModel model =
            RandomModel.make(
                config, backend, WeightPolicy.STORED, (done, total) -> told.add(total - done))) {
          assertThat(model.weightBytes())
              .as("tied %s", tied)
              .isEqualTo(RandomModel.byteSize(config));
          assertThat(model.parameterCount()).isEqualTo(model.weightBytes() / 2);
          assertThat(told.getLast()).isZero();
        }
      }
    }
  }

  private static ModelConfig config(String architecture, boolean tied) {
    String type = architecture.replace("ForCausalLM", "").toLowerCase(java.util.Locale.ROOT);
    return ConfigText.of(architecture, type)
        .with("tie_word_embeddings", Boolean.toString(tied))
        .read();
  }

  @Test
  void weightsAreTheSameEachTimeAndNormsAreOne() {
    ModelConfig config = config("LlamaForCausalLM", true);
    try (KernelBackend backend = Backends.open(Device.CPU, new BackendOptions(1));
        LoadedModel one =
            RandomModel.make(config, backend, WeightPolicy.STORED, LoadListener.NONE);
        LoadedModel two =
            RandomModel.make(config, backend, WeightPolicy.STORED, LoadListener.NONE)) {
      for (StoredTensor tensor : one.checkpoint().weights().tensors()) {
        StoredTensor other = two.checkpoint().weights().get(tensor.name());
        assertThat(tensor.data().mismatch(other.data())).as(tensor.name()).isEqualTo(-1);
        boolean norm = tensor.name().endsWith("norm.weight");
        int negative = 0;
        for (long i = 0; i < tensor.elementCount(); i++) {
          float value = tensor.floatAt(i);
          negative += value < 0 ? 1 : 0;
          assertThat(Math.abs(value)).isBetween(norm ? 1f : 1f / 128, norm ? 1f : 1f / 64);
        }
        if (!norm) {
          double part = (double) negative / tensor.elementCount();
          assertThat(part).as(tensor.name()).isBetween(0.3, 0.7);
        }
      }
    }
  }
}
