package io.vquant.engine.runtime;

import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.HostStorage;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.AttentionInputs;
import io.vquant.model.ForwardListener;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** Gathers the chunks of a layer's queries, keys and values, and hands each whole layer on. */
public final class AttentionCapture implements ForwardListener, AutoCloseable {
  private static final int ALIGNMENT = 64;

  private final int tokens;
  private final IntPredicate layers;
  private final Consumer<AttentionInputs> visitor;
  private final Progress progress;
  private final Arena arena = Arena.ofShared();
  private @Nullable Tensor queries;
  private @Nullable Tensor keys;
  private @Nullable Tensor values;

  /** Told how far the layers are. */
  @FunctionalInterface
  public interface Progress {
    void done(long doneWork, long totalWork);
  }

  /**
   * A listener for one pass that begins at position 0.
   *
   * @param tokens of the pass
   * @param layers which layers are wanted
   */
  public AttentionCapture(
      int tokens, IntPredicate layers, Consumer<AttentionInputs> visitor, Progress progress) {
    this.tokens = tokens;
    this.layers = layers;
    this.visitor = visitor;
    this.progress = progress;
  }

  @Override
  public boolean wantsAttentionInputs() {
    return true;
  }

  @Override
  public void progress(long doneWork, long totalWork) {
    progress.done(doneWork, totalWork);
  }

  @Override
  public void attentionInputs(AttentionInputs chunk) {
    if (!layers.test(chunk.layer())) {
      return;
    }
    queries = add(queries, chunk.queries(), chunk.startPosition());
    keys = add(keys, chunk.keys(), chunk.startPosition());
    values = add(values, chunk.values(), chunk.startPosition());
    if (chunk.startPosition() + chunk.queries().rows() == tokens) {
      visitor.accept(new AttentionInputs(chunk.layer(), chunk.spec(), 0, queries, keys, values));
    }
  }

  private Tensor add(@Nullable Tensor gathered, Tensor chunk, int position) {
    Tensor whole = gathered;
    if (whole == null) {
      long byteSize = (long) Float.BYTES * tokens * chunk.columns();
      MemorySegment memory = arena.allocate(byteSize, ALIGNMENT);
      Layout layout = Layout.dense(tokens, chunk.columns());
      whole = new Tensor(new HostStorage(Device.CPU, memory), DType.F32, layout);
    }
    for (int row = 0; row < chunk.rows(); row++) {
      MemorySegment.copy(
          chunk.segment(),
          chunk.rowByteOffset(row),
          whole.segment(),
          whole.rowByteOffset(position + row),
          (long) Float.BYTES * chunk.columns());
    }
    return whole;
  }

  @Override
  public void close() {
    arena.close();
  }
}
