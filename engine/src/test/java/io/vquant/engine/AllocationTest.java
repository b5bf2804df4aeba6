package io.vquant.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/**
 * Decoding must not feed the garbage collector: what a step allocates on the calling thread is
 * bounded by a constant that has nothing to do with the sizes of the model.
 */
class AllocationTest {
  /** A few views of a page or two; one row of logits alone would be 16384 bytes here. */
  private static final long BYTES_PER_TOKEN = 2048;

  private static final int WARM_TOKENS = 64;
  private static final int MEASURED_TOKENS = 64; // a page of the cache holds 64: one more is taken

  /** Reads the thread's counter when the warm tokens are done, and at the last token. */
  private static final class Meter implements GenerationListener {
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private int tokens;
    private long start;
    private long end;

    @Override
    public void onToken(int tokenId) {
      tokens++;
      if (tokens == WARM_TOKENS) {
        start = threads.getCurrentThreadAllocatedBytes();
      } else if (tokens == WARM_TOKENS + MEASURED_TOKENS) {
        end = threads.getCurrentThreadAllocatedBytes();
      }
    }
  }

  @Test
  void decodeStepsAllocateNextToNothing() {
    EngineOptions options =
        EngineOptions.of(TestModels.tiny(), null).withThreads(2).withContextLength(512);
    try (Engine engine = Engine.open(options);
        GenerationSession session = engine.newSession()) {
      GenerationRequest request =
          GenerationRequest.builder(new int[] {0, 501, 694, 261, 451})
              .maxTokens(WARM_TOKENS + MEASURED_TOKENS)
              .ignoreEos(true)
              .build();
      session.generate(request); // loads classes
      Meter meter = new Meter();
      session.generate(request, meter);
      long perToken = (meter.end - meter.start) / MEASURED_TOKENS;
      assertThat(perToken).as("bytes allocated a token").isBetween(0L, BYTES_PER_TOKEN);
    }
  }
}
