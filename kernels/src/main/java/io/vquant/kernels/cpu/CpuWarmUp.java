package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.backend.BackendOptions;
import io.vquant.kernels.backend.GatedActivationOperator;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.ResidualAddOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.backend.RotarySpec;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.quant.PanelLayout;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import java.util.Collections;
import java.util.Optional;

/**
 * Runs the operators on small made-up tensors while a model is being opened. Vector code that is
 * not compiled yet is a thousand times slower than compiled code, and the compiler compiles what it
 * has seen running: so it sees it before the first prompt does. Changes no result.
 *
 * <p>As small as possible: until its loop is compiled, every operation on vectors costs
 * microseconds. The launcher's options have a loop compiled after a few calls, and the caller
 * waits.
 */
public final class CpuWarmUp implements AutoCloseable {

  private static final int HEADS = 2;
  private static final int HEAD_DIM = 2 * HalfRows.BLOCK / HEADS;
  private static final int WIDTH = HEADS * HEAD_DIM;
  private static final int ROWS = DotTile.ROWS;
  private static final int FEW_TOKENS = ROWS + 1;
  private static final int FEW_FEATURES = 2 * DotTile.COLUMNS;
  private static final int PAGE_AND_MORE = PageLayout.TOKENS + 1;

  /** After so many, whatever is to be compiled early has been compiled. */
  private static final int ROUNDS = 24;

  private final Optional<QuantScheme> scheme;
  private final Thread thread;
  private volatile boolean stopped;

  private CpuWarmUp(Optional<QuantScheme> scheme) {
    this.scheme = scheme;
    thread = Thread.ofPlatform().daemon().name("vquant-warm-up").unstarted(this::run);
  }

  /**
   * Starts on a thread of its own.
   *
   * @param scheme of the weights; empty: not in codes
   */
  public static CpuWarmUp start(Optional<QuantScheme> scheme) {
    CpuWarmUp warmUp = new CpuWarmUp(scheme);
    warmUp.thread.start();
    return warmUp;
  }

  private void run() {
    if (!CpuBackend.isSupported()) {
      return; // opening the backend says why
    }
    try (CpuBackend backend = new CpuBackend(new BackendOptions(1));
        KvCache cache =
            backend.kvCache(new KvCacheSpec(1, 1, HEAD_DIM, PAGE_AND_MORE, DType.BF16))) {
      LayerLike layer = new LayerLike(backend, cache);
      scheme.ifPresent(codes -> {
        CodeProducts products = new CodeProducts(backend, codes);
        warm(products::decode);
        warm(products::prefill);
      });
      layer.append(FEW_TOKENS);
      warm(layer::prefill);
      warm(layer::decode);
      layer.append(PAGE_AND_MORE);
      warm(layer::decode);
    }
  }

  private void warm(Runnable round) {
    for (int i = 0; i < ROUNDS && !stopped; i++) {
      round.run();
    }
  }

  /** Stops and waits for the last round to end. */
  @Override
  public void close() {
    stopped = true;
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Products of zeros with a matrix in codes, of one panel and of groups enough for every loop. */
  private static final class CodeProducts {
    private final LinearOperator linear;
    private final Tensor many;
    private final Tensor manyOut;

    CodeProducts(CpuBackend backend, QuantScheme scheme) {
      int columns = 2 * scheme.group();
      Tensor weight =
          new Tensor(
              backend.allocate(2L * PanelLayout.PANEL_ROWS * columns),
              DType.BF16,
              Layout.dense(PanelLayout.PANEL_ROWS, columns));
      linear = backend.linear(backend.quantize(weight, scheme, QuantizeListener.NONE), null);
      many = backend.matrix(ArrangedCodeInput.FEW_ROWS + 1, columns);
      manyOut = backend.matrix(many.rows(), PanelLayout.PANEL_ROWS);
    }

    void prefill() {
      linear.forward(manyOut, many);
    }

    void decode() {
      linear.forward(manyOut.rows(0, 1), many.rows(0, 1));
    }
  }

  /** The operators of a decoder layer, in their order, on zeros. */
  private static final class LayerLike {
    private final LinearOperator linear;
    private final RmsNormOperator norm;
    private final RotaryOperator rotary;
    private final AttentionOperator attention;
    private final GatedActivationOperator activation;
    private final ResidualAddOperator add;
    private final KvCache cache;
    private final Tensor many;
    private final Tensor manyOut;
    private final Tensor one;
    private final Tensor oneOut;
    private final Tensor features;
    private final Tensor keys;
    private int tokens;

    LayerLike(CpuBackend backend, KvCache cache) {
      this.cache = cache;
      Tensor weight =
          new Tensor(
              backend.allocate(2L * FEW_FEATURES * WIDTH),
              DType.BF16,
              Layout.dense(FEW_FEATURES, WIDTH));
      linear = backend.linear(weight, null);
      norm = backend.rmsNorm(backend.matrix(1, WIDTH), 1e-5f);
      rotary = backend.rotary(new RotarySpec(HEAD_DIM, Collections.nCopies(HEAD_DIM / 2, 0.5f), 1));
      AttentionSpec spec = new AttentionSpec(HEADS, 1, HEAD_DIM, 1, AttentionSpec.NO_WINDOW);
      attention = backend.attention(spec, DType.BF16);
      activation = backend.gatedActivation();
      add = backend.residualAdd();
      many = backend.matrix(ROWS, WIDTH);
      manyOut = backend.matrix(ROWS, WIDTH);
      one = many.rows(0, 1);
      oneOut = manyOut.rows(0, 1);
      features = backend.matrix(ROWS, FEW_FEATURES);
      keys = backend.matrix(PAGE_AND_MORE, HEAD_DIM);
    }

    /** Makes it as many tokens of the cache. */
    void append(int tokens) {
      cache.layer(0).append(keys.rows(0, tokens), keys.rows(0, tokens), 0);
      this.tokens = tokens;
    }

    void prefill() {
      pass(manyOut, many);
    }

    void decode() {
      pass(oneOut, one);
    }

    private void pass(Tensor out, Tensor x) {
      norm.forward(out, x);
      linear.forward(features.rows(0, x.rows()), x);
      rotary.forward(out, 0);
      attention.forward(out, x, cache.layer(0), tokens - x.rows());
      activation.forward(out, x, x);
      add.forward(x, out);
    }
  }
}
