package io.vquant.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.model.loading.LoadListener;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.ModelLoader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory that a model takes, with operators out of the way. */
class AllocationTest {
  @TempDir Path folder;

  @Test
  void decodingAllocatesNothing() throws IOException {
    TinyModel.of(ConfigText.of("Qwen3ForCausalLM", "qwen3")).write(folder, 1);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (SilentBackend backend = new SilentBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE);
        KvCache cache = loaded.model().newCache(64, DType.BF16)) {
      CausalLm model = loaded.model();
      int[] ids = new int[64];
      long bytes = Long.MAX_VALUE;
      for (int i = 0; i < ids.length; i++) {
        long before = threads.getCurrentThreadAllocatedBytes();
        model.logits(model.forward(ids, i, 1, cache, ForwardListener.NONE));
        bytes = Math.min(bytes, threads.getCurrentThreadAllocatedBytes() - before);
      }
      assertThat(bytes).as("least bytes of a step, compiled or not").isZero();
    }
  }

  @Test
  void scratchIsAsPlanned() throws IOException {
    TinyModel.of(ConfigText.llama()).write(folder, 1);
    try (SilentBackend backend = new SilentBackend();
        LoadedModel loaded = ModelLoader.load(folder, backend, LoadListener.NONE);
        KvCache cache = loaded.model().newCache(600, DType.F32)) {
      assertThat(backend.allocatedBytes())
          .isEqualTo(loaded.memoryPlan(1, KvPolicy.plain(DType.F32)).scratchByteSize());
      loaded.model().forward(new int[600], 0, 600, cache, ForwardListener.NONE);
      long firstStream = 4L * MemoryPlan.chunkRows(Device.CPU) * loaded.config().hiddenSize();
      assertThat(backend.allocatedBytes())
          .isEqualTo(
              loaded.memoryPlan(600, KvPolicy.plain(DType.F32)).scratchByteSize() + firstStream);
      assertThat(cache.byteSize())
          .isEqualTo(loaded.memoryPlan(600, KvPolicy.plain(DType.F32)).cacheByteSize());
    }
  }
}
