import io.vquant.engine.Engine;
import io.vquant.engine.EngineOptions;
import io.vquant.engine.GenerationRequest;
import io.vquant.engine.ModelShape;
import io.vquant.engine.batching.BatchListener;
import io.vquant.engine.batching.BatchOptions;
import io.vquant.engine.batching.BatchRequest;
import io.vquant.engine.batching.BatchResult;
import io.vquant.engine.batching.BatchScheduler;
import io.vquant.engine.batching.TokenScore;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;

/**
 * Tokens a second of several sequences on one model of random weights, as {@code serve} runs them:
 * from the first token of the last sequence to the end.
 *
 * <pre>java -cp vquant-engine.jar DecodeTogether.java llama-3.1-8b cuda:0 bf16 128 64 1,2,4,8,16</pre>
 *
 * Arguments: shape, device, KV policy, tokens of a prompt, tokens to generate, numbers of sequences.
 */
public final class DecodeTogether {
  private final Engine engine;
  private final int promptTokens;
  private final int tokens;
  private final Random random = new Random(1);

  private DecodeTogether(Engine engine, int promptTokens, int tokens) {
    this.engine = engine;
    this.promptTokens = promptTokens;
    this.tokens = tokens;
  }

  public static void main(String[] args) throws Exception {
    ModelShape shape =
        Arrays.stream(ModelShape.values())
            .filter(value -> value.label().equals(args[0]))
            .findFirst()
            .orElseThrow();
    int promptTokens = Integer.parseInt(args[3]);
    int tokens = Integer.parseInt(args[4]);
    KvPolicy policy =
        args[2].equals("bf16")
            ? KvPolicy.plain(DType.BF16)
            : KvPolicy.parse(args[2]);
    EngineOptions options =
        EngineOptions.of(Path.of("."), null)
            .withDevice(args[1].equals("cpu") ? Device.CPU : new Device(Device.Kind.CUDA, 0))
            .withContextLength(promptTokens + tokens + 2)
            .withKvPolicy(policy);
    try (Engine engine = Engine.openRandom(shape, options)) {
      DecodeTogether bench = new DecodeTogether(engine, promptTokens, tokens);
      double one = 0;
      for (String count : args[5].split(",")) {
        int sequences = Integer.parseInt(count);
        bench.run(sequences);
        double rate = Math.max(bench.run(sequences), bench.run(sequences));
        one = sequences == 1 ? rate : one;
        System.out.printf("%2d sequences: %7.0f t/s (%.2f times)%n", sequences, rate, rate / one);
      }
    }
  }

  private double run(int sequences) throws InterruptedException {
    long cacheBytes = engine.availableBytes() / 2;
    BatchOptions options = new BatchOptions(sequences, 0, cacheBytes, 0);
    List<Wait> waits = new ArrayList<>();
    List<BatchRequest> requests = new ArrayList<>();
    CountDownLatch open = new CountDownLatch(sequences);
    for (int i = 0; i < sequences; i++) {
      int[] prompt = random.ints(promptTokens, 0, engine.config().vocabSize()).toArray();
      requests.add(
          BatchRequest.of(
              GenerationRequest.builder(prompt)
                  .maxTokens(tokens)
                  .ignoreEos(true)
                  .build()));
      waits.add(new Wait(open));
    }
    try (BatchScheduler scheduler = engine.newScheduler(options)) {
      scheduler.submitAll(requests, new ArrayList<>(waits));
      open.await();
    }
    long begun = waits.stream().mapToLong(wait -> wait.firstNanos).max().orElseThrow();
    long ended = waits.stream().mapToLong(wait -> wait.lastNanos).max().orElseThrow();
    long counted = waits.stream().mapToLong(wait -> wait.after(begun)).sum();
    return counted * 1e9 / (ended - begun);
  }

  private static final class Wait implements BatchListener {
    private final CountDownLatch open;
    private final List<Long> nanos = new ArrayList<>();
    private volatile long firstNanos;
    private volatile long lastNanos;

    Wait(CountDownLatch open) {
      this.open = open;
    }

    long after(long begun) {
      return nanos.stream().filter(time -> time > begun).count();
    }

    @Override
    public void onToken(int tokenId, TokenScore score) {
      lastNanos = System.nanoTime();
      nanos.add(lastNanos);
      if (nanos.size() == 1) {
        firstNanos = lastNanos;
      }
    }

    @Override
    public void onEnd(BatchResult result) {
      open.countDown();
    }

    @Override
    public void onFailure(Throwable failure) {
      failure.printStackTrace();
      open.countDown();
    }
  }
}
