package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * A decode step of session, model and greedy sampling allocates next to nothing, whatever the sizes
 * of the model. The operators are those of the reference backend, plain loops: what the vectors of
 * another backend allocate until (or unless) the compiler keeps them in registers is not counted
 * here.
 */
class AllocationTest {
  /** A few objects of fixed size; one row of logits alone would be 16384 bytes here. */
  private static final long BYTES_PER_TOKEN = 256;

  private static final int ROUND_TOKENS = 40;
  private static final int MOST_ROUNDS = 5;

  /** Reads the thread's counter at each token. */
  private static final class Meter implements GenerationListener {
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final long[] counters = new long[ROUND_TOKENS];
    private int tokens;

    @Override
    public void onToken(int tokenId) {
      counters[tokens++] = threads.getCurrentThreadAllocatedBytes();
    }

    /** The median, as one step in 64 takes a new page of the cache. */
    long medianBytesPerToken() {
      long[] steps = new long[ROUND_TOKENS - 1];
      for (int i = 0; i < steps.length; i++) {
        steps[i] = counters[i + 1] - counters[i];
      }
      Arrays.sort(steps);
      return steps[steps.length / 2];
    }
  }

  @Test
  void decodeStepsAllocateNextToNothing() {
    EngineOptions options =
        EngineOptions.of(TestModels.tiny(), null)
            .withDevice(Device.REFERENCE)
            .withKvPolicy(KvPolicy.plain(DType.BF16))
            .withContextLength(64);
    try (Engine engine = Engine.open(options);
        GenerationSession session = engine.newSession()) {
      GenerationRequest request =
          GenerationRequest.builder(new int[] {0, 501, 694, 261, 451})
              .maxTokens(ROUND_TOKENS)
              .ignoreEos(true)
              .build();
      long leastBytes = Long.MAX_VALUE;
      for (int round = 0; round < MOST_ROUNDS && leastBytes > BYTES_PER_TOKEN; round++) {
        Meter meter = new Meter();
        session.generate(request, meter);
        leastBytes = Math.min(leastBytes, meter.medianBytesPerToken());
      }
      assertThat(leastBytes).as("bytes allocated a token").isBetween(0L, BYTES_PER_TOKEN);
    }
  }
}
