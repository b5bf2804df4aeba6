package io.vquant.model.architectures;

import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.ForwardCancelledException;
import io.vquant.model.ForwardListener;
import io.vquant.model.ForwardPass;
import io.vquant.model.layers.DecoderLayer;
import io.vquant.model.layers.Scratch;
import java.util.List;

/**
 * A pass that holds rows of its own between the layers, so that it can wait while others run. Its
 * chunks are those of {@link DecoderOnlyLm#forward}.
 */
final class SteppedPass implements ForwardPass {
  private final List<DecoderLayer> layers;
  private final Scratch scratch;
  private final int chunkRows;
  private final Tensor hidden;
  private final KvCache cache;
  private final ForwardListener listener;
  private final Runnable onClose;
  private final int start;
  private int layer;
  private int from;
  private boolean ended;
  private boolean closed;

  /**
   * A pass over the rows that {@code hidden} holds; the cache's pass has begun.
   *
   * @param onClose run once, when {@code hidden} is no longer needed
   */
  SteppedPass(
      List<DecoderLayer> layers,
      Scratch scratch,
      int chunkRows,
      Tensor hidden,
      KvCache cache,
      ForwardListener listener,
      Runnable onClose) {
    this.layers = layers;
    this.scratch = scratch;
    this.chunkRows = chunkRows;
    this.hidden = hidden;
    this.cache = cache;
    this.listener = listener;
    this.onClose = onClose;
    start = cache.length();
  }

  @Override
  public boolean isDone() {
    return layer == layers.size();
  }

  @Override
  public int advance() {
    if (isDone() || ended) {
      throw new IllegalStateException("the pass has no step left");
    }
    boolean finished = false;
    try {
      int rows = step();
      finished = true;
      return rows;
    } finally {
      if (!finished) {
        ended = true;
        cache.abandonPass();
      }
    }
  }

  private int step() {
    int count = hidden.rows();
    if (listener.cancelled()) {
      throw new ForwardCancelledException(count);
    }
    int position = start + from;
    int rows = Math.min(chunkRows - position % chunkRows, count - from);
    KvFormat format = cache.spec().layers().get(layer).policy().format();
    layers
        .get(layer)
        .forward(hidden.rows(from, rows), cache.layer(layer), format, position, scratch);
    from += rows;
    listener.progress((long) layer * count + from, (long) layers.size() * count);
    if (from == count) {
      listener.layerComputed(layer);
      cache.endLayer(layer);
      from = 0;
      layer++;
    }
    if (isDone()) {
      ended = true;
      cache.endPass();
    }
    return rows;
  }

  @Override
  public Tensor hidden() {
    if (!isDone()) {
      throw new IllegalStateException("the pass is at layer " + layer + " of " + layers.size());
    }
    return hidden;
  }

  @Override
  public void close() {
    if (!ended) {
      ended = true;
      cache.abandonPass();
    }
    if (!closed) {
      closed = true;
      onClose.run();
    }
  }
}
