package io.vquant.kernels.backend;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvFormats;
import io.vquant.kernels.quant.DenseWeight;
import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.quant.QuantScheme;
import io.vquant.kernels.quant.QuantizeListener;
import io.vquant.kernels.quant.QuantizedWeight;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Device;
import io.vquant.kernels.tensor.Layout;
import io.vquant.kernels.tensor.Storage;
import io.vquant.kernels.tensor.Tensor;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A device and the operators it runs. Activations are F32 matrices {@code [tokens, features]};
 * weights are read in the type they are stored in.
 *
 * <p>A backend runs one operator at a time: its operators share scratch memory and threads. On host
 * devices a row of a result never depends on how many rows were computed beside it; on others it
 * may, by rounding.
 */
public interface KernelBackend extends AutoCloseable {

  Device device();

  /** Zeroed memory, aligned to 64 bytes, freed when the backend closes. */
  Storage allocate(long byteSize);

  /** Bytes that may still be allocated; empty where the machine's own memory is used. */
  default OptionalLong freeByteSize() {
    return OptionalLong.empty();
  }

  /** Copies elements; same shape and dtype; either side may be host memory. */
  void copy(Tensor dst, Tensor src);

  /** Rows of {@code table} {@code [vocabSize, hiddenSize]}. */
  EmbeddingOperator embedding(Tensor table);

  /**
   * y = x W^T + b.
   *
   * @param weight {@code [outFeatures, inFeatures]}
   * @param bias {@code [1, outFeatures]} or null
   */
  LinearOperator linear(Tensor weight, @Nullable Tensor bias);

  /**
   * The same with a weight in codes.
   *
   * @throws UnsupportedKernelException if the device computes with no such weights
   */
  default LinearOperator linear(QuantizedWeight weight, @Nullable Tensor bias) {
    throw noQuantizedWeights(weight.scheme());
  }

  /** The same with either kind. */
  default LinearOperator linear(LinearWeight weight, @Nullable Tensor bias) {
    return switch (weight) {
      case DenseWeight dense -> linear(dense.tensor(), bias);
      case QuantizedWeight quantized -> linear(quantized, bias);
    };
  }

  /**
   * Products of one input with several weights, together where the device gains by it.
   *
   * @param linears of this backend, over weights with as many columns
   */
  default LinearGroup linearGroup(List<LinearOperator> linears) {
    return LinearGroup.inTurn(linears);
  }

  /**
   * Two products of one input and their gated activation, together where the device gains by it.
   *
   * @param gate of this backend
   * @param up of this backend, over a weight of the same shape
   */
  default GatedLinearOperator gatedLinear(LinearOperator gate, LinearOperator up) {
    GatedActivationOperator activation = gatedActivation();
    return (out, upOut, x) -> {
      gate.forward(out, x);
      up.forward(upOut, x);
      activation.forward(out, out, upOut);
    };
  }

  /**
   * Does something for each of some rows, side by side where the device has threads for it.
   *
   * @param work told of each row once, by any thread; what it changes no other row reads or changes
   * @throws RuntimeException what the work of a row threw; others may have been done or not
   */
  default void forEachRow(int rows, IntConsumer work) {
    for (int row = 0; row < rows; row++) {
      work.accept(row);
    }
  }

  /** Rows of either kind of table. */
  default EmbeddingOperator embedding(LinearWeight table) {
    return switch (table) {
      case DenseWeight dense -> embedding(dense.tensor());
      case QuantizedWeight quantized -> embedding(quantized);
    };
  }

  /**
   * Rows of a table in codes.
   *
   * @throws UnsupportedKernelException if the device computes with no such weights
   */
  default EmbeddingOperator embedding(QuantizedWeight table) {
    throw noQuantizedWeights(table.scheme());
  }

  /**
   * Quantizes a matrix, on this backend's threads, into memory of this backend.
   *
   * @param weight in host memory; not needed afterwards
   * @throws UnsupportedKernelException if the device computes with no such weights
   * @throws io.vquant.kernels.quant.UnfitSchemeException if the scheme does not fit the rows
   * @throws io.vquant.kernels.quant.UnquantizableWeightException if a weight is not finite or over
   *     65504 in magnitude
   */
  default QuantizedWeight quantize(Tensor weight, QuantScheme scheme, QuantizeListener listener) {
    throw noQuantizedWeights(scheme);
  }

  /**
   * The same matrix in memory of this backend: itself, or a copy where the device has memory of its
   * own.
   */
  default QuantizedWeight resident(QuantizedWeight weight) {
    return weight;
  }

  private UnsupportedKernelException noQuantizedWeights(QuantScheme scheme) {
    return new UnsupportedKernelException(
        "weights " + scheme + " on " + device() + ": there is cpu, cuda and reference");
  }

  /** Root mean square norm with {@code weight} {@code [1, size]}. */
  RmsNormOperator rmsNorm(Tensor weight, float epsilon);

  RotaryOperator rotary(RotarySpec spec);

  /** silu(gate) * up. */
  GatedActivationOperator gatedActivation();

  ResidualAddOperator residualAdd();

  /** Where the largest of a row of this backend's memory is. */
  default ArgmaxOperator argmax() {
    return ArgmaxOperator::ofHostRow;
  }

  /**
   * Attention over layers of a KV format.
   *
   * @throws UnsupportedKernelException if there is none for the format or the head size
   */
  AttentionOperator attention(AttentionSpec spec, KvFormat format);

  /** Attention over layers that keep everything as it is. */
  default AttentionOperator attention(AttentionSpec spec, DType cacheType) {
    return attention(spec, KvFormats.plain(cacheType));
  }

  /**
   * Low-bit prefill attention over plain matrices.
   *
   * @throws UnsupportedKernelException if the backend has none for these sizes
   */
  default PrefillAttentionOperator prefillAttention(
      AttentionSpec spec, AttentionPrecision precision) {
    throw new UnsupportedKernelException(
        "low-bit prefill attention on " + device() + ": there is cpu and reference");
  }

  KvCache kvCache(KvCacheSpec spec);

  /**
   * Runs the work of one token through all layers. A device may record it once and replay it for
   * the tokens that follow, so {@code work} runs the same operators on the same tensors every time,
   * apart from the position, and reads no result.
   *
   * @param cache that the work appends to, in a pass of one row
   * @param hidden that the work reads first and writes last
   * @param position of the token
   */
  default void decodeStep(KvCache cache, Tensor hidden, int position, Runnable work) {
    work.run();
  }

  /**
   * Says that many prompts and steps of several sequences will come, before the first of them: what
   * makes them faster may be opened now.
   */
  default void expectSequences() {}

  /**
   * Runs the work of one token of each of several sequences through all layers. A device may copy
   * the positions once for all layers, and may wait for the work.
   *
   * @param caches that the work appends to, each in a pass of one row
   * @param positions of the tokens, one a cache
   * @throws io.vquant.kernels.kvcache.UnstorableValueException if one of the caches cannot hold
   *     what was appended
   */
  default void decodeRows(List<KvCache> caches, int[] positions, Runnable work) {
    work.run();
  }

  /** Returns when all work that was asked for is done: operators may only have enqueued it. */
  default void awaitWork() {}

  /** Threads that compute, for reports. */
  int threads();

  @Override
  void close();

  /** Host memory for results: what {@link #copy} writes to fastest; freed with the backend. */
  default Tensor hostMatrix(int rows, int columns) {
    return matrix(rows, columns);
  }

  /** A new dense F32 matrix {@code [rows, columns]} of zeros. */
  default Tensor matrix(int rows, int columns) {
    long byteSize = (long) rows * columns * DType.F32.byteSize();
    return new Tensor(allocate(byteSize), DType.F32, Layout.dense(rows, columns));
  }
}
