package io.vquant.model.loading;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.kernels.Backends;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.UnpackedRange;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.ConfigText;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is planned before weights are read is what they take. */
class WeightPlanTest {
  private static final Device GPU = new Device(Device.Kind.CUDA, 0);
  private static final KvPolicy KV = KvPolicy.plain(DType.BF16);

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "q8", "q4", "q4,head=q8", "q8,head=bf16"})
  void scratchThatADeviceUnpacksToIsKnownBefore(String weights) {
    ModelConfig config =
        ConfigText.of("LlamaForCausalLM", "llama")
            .with("hidden_size", "64")
            .with("intermediate_size", "96")
            .with("num_attention_heads", "4")
            .with("num_key_value_heads", "2")
            .with("head_dim", "16")
            .read();
    WeightPolicy policy = WeightPolicy.parse(weights);
    try (KernelBackend backend = Backends.open(Device.CPU, new BackendOptions(2));
        LoadedModel model = RandomModel.make(config, backend, policy, LoadListener.NONE)) {
      long onHost = model.memoryPlan(64, KV).scratchByteSize();
      long withoutCodes = MemoryPlan.of(config, 0, 64, KV, GPU).scratchByteSize();
      long onDevice = model.memoryPlan(64, KV, GPU).scratchByteSize();
      assertThat(onDevice - withoutCodes)
          .isEqualTo(WeightPlan.scratchByteSize(config, policy, GPU));
      assertThat(WeightPlan.scratchByteSize(config, policy, Device.CPU)).isZero();
      assertThat(onHost).isEqualTo(MemoryPlan.of(config, 0, 64, KV).scratchByteSize());
    }
  }

  @Test
  void aRangeIsTheWholeMatrixOrWholeTiles() {
    assertThat(UnpackedRange.rows(100, 64)).isEqualTo(100);
    assertThat(UnpackedRange.rows(14336, 4096)).isEqualTo(14336);
    assertThat(UnpackedRange.rows(128256, 4096)).isEqualTo(16384);
    assertThat(UnpackedRange.byteSize(128256, 4096)).isEqualTo(128L << 20);
    assertThat(UnpackedRange.rows(1000, 1 << 24)).isEqualTo(256);
  }
}
