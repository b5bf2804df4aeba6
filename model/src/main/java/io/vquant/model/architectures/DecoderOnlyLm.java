package io.vquant.model.architectures;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.ArgmaxOperator;
import io.vquant.kernels.backend.EmbeddingOperator;
import io.vquant.kernels.backend.KernelBackend;
import io.vquant.kernels.backend.LinearOperator;
import io.vquant.kernels.backend.RmsNormOperator;
import io.vquant.kernels.backend.RotaryOperator;
import io.vquant.kernels.kvcache.KvCache;
import io.vquant.kernels.kvcache.KvCacheSpec;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayerSpec;
import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.LinearWeight;
import io.vquant.kernels.tensor.Tensor;
import io.vquant.model.AttentionInputs;
import io.vquant.model.CausalLm;
import io.vquant.model.ForwardCancelledException;
import io.vquant.model.ForwardListener;
import io.vquant.model.ForwardPass;
import io.vquant.model.LayerConfig;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import io.vquant.model.RopeParameters;
import io.vquant.model.layers.CachedAttention;
import io.vquant.model.layers.DecodeRows;
import io.vquant.model.layers.DecoderLayer;
import io.vquant.model.layers.Mlp;
import io.vquant.model.layers.ParameterSource;
import io.vquant.model.layers.RowBuffer;
import io.vquant.model.layers.Scratch;
import io.vquant.model.layers.SelfAttention;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Embedding, decoder layers, final norm, output layer. A pass takes all its rows through one layer
 * before the next, in chunks that start at multiples of 256 of the position: how a prompt was split
 * into passes then does not show in the chunks.
 */
final class DecoderOnlyLm implements CausalLm {
  private final ModelConfig config;
  private final KernelBackend backend;
  private final EmbeddingOperator embedTokens;
  private final List<DecoderLayer> layers = new ArrayList<>();
  private final Map<Integer, CachedAttention> attentionByWindow = new HashMap<>();
  private final RmsNormOperator norm;
  private final LinearOperator lmHead;
  private final Scratch scratch;
  private final ResidualStream stream;
  private final List<ResidualStream> idleStreams = new ArrayList<>();
  private final RowBuffer oneNormed;
  private final RowBuffer oneLogits;
  private final ArgmaxOperator argmax;
  private final int chunkRows;
  private final HostRows logitsOnHost;
  private final HostRows statesOnHost;
  private @Nullable RowBuffer manyNormed;
  private @Nullable RowBuffer manyLogits;
  private @Nullable ResidualStream normedStates;
  private @Nullable ResidualStream decodeStream;

  DecoderOnlyLm(ModelConfig config, ParameterSource parameters, KernelBackend backend) {
    this.config = config;
    this.backend = backend;
    chunkRows = MemoryPlan.chunkRows(backend.device());
    ParameterSource model = parameters.child("model");
    LinearWeight embedding =
        model.child("embed_tokens").weight("weight", config.vocabSize(), config.hiddenSize());
    embedTokens = backend.embedding(embedding);
    buildLayers(model.child("layers"));
    norm =
        backend.rmsNorm(
            model.child("norm").vector("weight", config.hiddenSize()), (float) config.rmsNormEps());
    lmHead = backend.linear(outputWeight(parameters.child("lm_head"), embedding), null);
    scratch = Scratch.allocate(backend, config, chunkRows);
    stream = new ResidualStream(backend, chunkRows, config.hiddenSize());
    oneNormed = new RowBuffer(backend, 1, config.hiddenSize());
    oneLogits = new RowBuffer(backend, 1, config.vocabSize());
    argmax = backend.argmax();
    logitsOnHost = new HostRows(backend, config.vocabSize());
    statesOnHost = new HostRows(backend, config.hiddenSize());
  }

  private void buildLayers(ParameterSource parameters) {
    Map<RopeParameters, RotaryOperator> rotaries = new HashMap<>();
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      LayerConfig layer = config.layers().get(i);
      RotaryOperator rotary = null;
      if (layer.rope() != null) {
        rotary =
            rotaries.computeIfAbsent(
                layer.rope(), rope -> backend.rotary(rope.toRotarySpec(config.headDim())));
      }
      CachedAttention attention =
          attentionByWindow.computeIfAbsent(
              layer.slidingWindow(), window -> new CachedAttention(backend, spec(window)));
      ParameterSource own = parameters.child(i);
      SelfAttention selfAttention =
          new SelfAttention(backend, config, own.child("self_attn"), rotary, attention);
      Mlp mlp = new Mlp(backend, config, own.child("mlp"));
      layers.add(new DecoderLayer(backend, config, own, selfAttention, mlp));
    }
  }

  private AttentionSpec spec(int window) {
    return new AttentionSpec(
        config.numAttentionHeads(),
        config.numKeyValueHeads(),
        config.headDim(),
        (float) Math.pow(config.headDim(), -0.5),
        window);
  }

  /** A tied model that stores an output weight anyway uses it, as transformers 5 does. */
  private LinearWeight outputWeight(ParameterSource parameters, LinearWeight embedding) {
    return config.tieWordEmbeddings() && !parameters.contains("weight")
        ? embedding
        : parameters.weight("weight", config.vocabSize(), config.hiddenSize());
  }

  @Override
  public ModelConfig config() {
    return config;
  }

  @Override
  public KvCache newCache(int maxTokens, KvPolicy policy) {
    if (maxTokens < 1 || maxTokens > config.maxPositionEmbeddings()) {
      throw new IllegalArgumentException(
          "cache of "
              + maxTokens
              + " tokens: expected 1 to the model's limit of "
              + config.maxPositionEmbeddings());
    }
    KvCacheSpec spec = config.cacheSpec(maxTokens, policy);
    for (KvLayerSpec layer : spec.layers()) {
      attentionByWindow.get(layer.slidingWindow()).prepare(layer.policy().format());
    }
    return backend.kvCache(spec);
  }

  @Override
  public Tensor forward(
      int[] tokenIds, int first, int count, KvCache cache, ForwardListener listener) {
    int start = cache.length();
    checkInput(tokenIds, first, count, cache, start);
    Tensor hidden = stream.rows(count);
    cache.beginPass(count);
    boolean finished = false;
    try {
      embedTokens.forward(hidden, tokenIds, first);
      if (count == 1 && !backend.device().isHost() && !listener.wantsHiddenStates()) {
        decode(hidden, start, cache, listener);
      } else {
        runLayers(hidden, start, cache, listener);
      }
      finished = true;
    } finally {
      if (finished) {
        cache.endPass();
      } else {
        cache.abandonPass();
      }
    }
    return hidden;
  }

  /** One token on a device that may replay what it recorded of an earlier one. */
  private void decode(Tensor hidden, int start, KvCache cache, ForwardListener listener) {
    if (listener.cancelled()) {
      throw new ForwardCancelledException(1);
    }
    backend.decodeStep(
        cache, hidden, start, () -> runLayers(hidden, start, cache, ForwardListener.NONE));
    listener.progress(layers.size(), layers.size());
  }

  private void runLayers(Tensor hidden, int start, KvCache cache, ForwardListener listener) {
    int count = hidden.rows();
    int numLayers = layers.size();
    boolean watched = listener.wantsHiddenStates();
    for (int index = 0; index < numLayers; index++) {
      if (watched) {
        listener.hiddenState(index, statesOnHost.of(hidden));
      }
      DecoderLayer layer = layers.get(index);
      KvFormat format = cache.spec().layers().get(index).policy().format();
      for (int from = 0; from < count; ) {
        if (listener.cancelled()) {
          throw new ForwardCancelledException(count);
        }
        int position = start + from;
        int rows = Math.min(chunkRows - position % chunkRows, count - from);
        Tensor chunk = rows == count ? hidden : hidden.rows(from, rows);
        layer.forward(chunk, cache.layer(index), format, position, scratch);
        if (listener.wantsAttentionInputs()) {
          listener.attentionInputs(attentionInputs(index, position, rows));
        }
        from += rows;
        listener.progress((long) index * count + from, (long) numLayers * count);
      }
      listener.layerComputed(index);
      cache.endLayer(index);
    }
    if (watched) {
      listener.hiddenState(numLayers, statesOnHost.of(normed(hidden)));
    }
  }

  @Override
  public ForwardPass beginForward(
      int[] tokenIds, int first, int count, KvCache cache, ForwardListener listener) {
    checkInput(tokenIds, first, count, cache, cache.length());
    ResidualStream own =
        idleStreams.isEmpty()
            ? new ResidualStream(backend, chunkRows, config.hiddenSize())
            : idleStreams.remove(idleStreams.size() - 1);
    boolean begun = false;
    try {
      Tensor hidden = own.rows(count);
      embedTokens.forward(hidden, tokenIds, first);
      cache.beginPass(count);
      begun = true;
      return new SteppedPass(
          layers, scratch, chunkRows, hidden, cache, listener, () -> idleStreams.add(own));
    } finally {
      if (!begun) {
        idleStreams.add(own);
      }
    }
  }

  @Override
  public int maxDecodeRows() {
    return chunkRows;
  }

  @Override
  public Tensor decode(int[] tokenIds, List<KvCache> caches) {
    int rows = caches.size();
    if (rows < 1 || rows > maxDecodeRows() || tokenIds.length < rows) {
      throw new IllegalArgumentException(
          rows
              + " caches, "
              + tokenIds.length
              + " tokens: expected 1 to "
              + maxDecodeRows()
              + " of each");
    }
    if (rows == 1) {
      return forward(tokenIds, 0, 1, caches.getFirst(), ForwardListener.NONE);
    }
    for (int row = 0; row < rows; row++) {
      checkInput(tokenIds, row, 1, caches.get(row), caches.get(row).length());
    }
    Tensor hidden = decodeStream().rows(rows);
    DecodeRows sequences = new DecodeRows(caches);
    int begun = 0;
    boolean finished = false;
    try {
      for (; begun < rows; begun++) {
        caches.get(begun).beginPass(1);
      }
      embedTokens.forward(hidden, tokenIds, 0);
      backend.decodeRows(
          caches, sequences.positions(), () -> decodeLayers(hidden, sequences, caches));
      finished = true;
    } finally {
      for (int row = 0; row < begun; row++) {
        if (finished) {
          caches.get(row).endPass();
        } else {
          caches.get(row).abandonPass();
        }
      }
    }
    return hidden;
  }

  private void decodeLayers(Tensor hidden, DecodeRows sequences, List<KvCache> caches) {
    for (int index = 0; index < layers.size(); index++) {
      layers.get(index).decode(hidden, sequences, index, scratch);
      for (KvCache cache : caches) {
        cache.endLayer(index);
      }
    }
  }

  private ResidualStream decodeStream() {
    if (decodeStream == null) {
      decodeStream = new ResidualStream(backend, 1, config.hiddenSize());
    }
    return decodeStream;
  }

  /** Queries, keys and values are still where the layer left them. */
  private AttentionInputs attentionInputs(int layer, int position, int rows) {
    return new AttentionInputs(
        layer,
        spec(config.layers().get(layer).slidingWindow()),
        position,
        scratch.queries().rows(rows),
        scratch.keys().rows(rows),
        scratch.values().rows(rows));
  }

  private Tensor normed(Tensor hidden) {
    if (normedStates == null) {
      normedStates = new ResidualStream(backend, hidden.rows(), config.hiddenSize());
    }
    Tensor normed = normedStates.rows(hidden.rows());
    norm.forward(normed, hidden);
    return normed;
  }

  private void checkInput(int[] tokenIds, int first, int count, KvCache cache, int start) {
    if (first < 0 || count < 1 || first > tokenIds.length - count) {
      throw new IllegalArgumentException(
          "tokens " + first + " + " + count + " of " + tokenIds.length);
    }
    KvCacheSpec spec = cache.spec();
    if (count > spec.maxTokens() - start) {
      throw new IllegalArgumentException(
          count + " tokens after " + start + " in a cache of " + spec.maxTokens());
    }
    if (spec.numLayers() != config.numHiddenLayers()
        || spec.numKvHeads() != config.numKeyValueHeads()
        || spec.headDim() != config.headDim()) {
      throw new IllegalArgumentException(spec + " is not a cache of this model");
    }
    for (int i = first; i < first + count; i++) {
      if (tokenIds[i] < 0 || tokenIds[i] >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "token id "
                + tokenIds[i]
                + " at index "
                + i
                + ": expected 0 to "
                + (config.vocabSize() - 1));
      }
    }
  }

  @Override
  public Tensor logits(Tensor hidden) {
    int rows = hidden.rows();
    if (rows < 1 || rows > MAX_LOGITS_ROWS || hidden.columns() != config.hiddenSize()) {
      throw new IllegalArgumentException(
          "hidden "
              + hidden.layout()
              + ": expected 1 to "
              + MAX_LOGITS_ROWS
              + " rows of "
              + config.hiddenSize());
    }
    return logitsOnHost.of(logitsOnDevice(hidden));
  }

  private Tensor logitsOnDevice(Tensor hidden) {
    int rows = hidden.rows();
    Tensor normed = (rows == 1 ? oneNormed : manyNormed()).rows(rows);
    Tensor logits = (rows == 1 ? oneLogits : manyLogits()).rows(rows);
    norm.forward(normed, hidden);
    lmHead.forward(logits, normed);
    return logits;
  }

  @Override
  public OptionalInt greedyToken(Tensor hidden) {
    if (hidden.rows() != 1 || hidden.columns() != config.hiddenSize()) {
      throw new IllegalArgumentException(
          "hidden " + hidden.layout() + ": expected a row of " + config.hiddenSize());
    }
    int token = argmax.forward(logitsOnDevice(hidden));
    return token == ArgmaxOperator.NOT_FINITE ? OptionalInt.empty() : OptionalInt.of(token);
  }

  private RowBuffer manyNormed() {
    if (manyNormed == null) {
      manyNormed = new RowBuffer(backend, MAX_LOGITS_ROWS, config.hiddenSize());
    }
    return manyNormed;
  }

  private RowBuffer manyLogits() {
    if (manyLogits == null) {
      manyLogits = new RowBuffer(backend, MAX_LOGITS_ROWS, config.vocabSize());
    }
    return manyLogits;
  }
}
