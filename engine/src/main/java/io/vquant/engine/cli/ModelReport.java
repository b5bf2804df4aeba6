package io.vquant.engine.cli;

import io.vquant.kernels.kvcache.KvPolicy;
import io.vquant.kernels.quant.WeightPolicy;
import io.vquant.model.MemoryPlan;
import io.vquant.model.ModelConfig;
import io.vquant.model.loading.LoadedModel;
import io.vquant.model.loading.WeightMemory;
import io.vquant.weights.StoredTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What {@code inspect} tells of a model, as text or as JSON. */
final class ModelReport {
  private final String name;
  private final LoadedModel model;
  private final WeightPolicy policy;
  private final Optional<TokenizerReport> tokenizer;
  private final boolean withTensors;
  private final boolean checked;
  private final Map<String, TypeSum> types = new TreeMap<>();

  /** Tensors of one type together. */
  private record TypeSum(int count, long byteSize) {
    TypeSum plus(TypeSum other) {
      return new TypeSum(count + other.count, byteSize + other.byteSize);
    }
  }

  /**
   * A report.
   *
   * @param policy by which the weights were quantized when they were loaded
   */
  ModelReport(
      String name,
      LoadedModel model,
      WeightPolicy policy,
      Optional<TokenizerReport> tokenizer,
      boolean withTensors,
      boolean checked) {
    this.name = name;
    this.model = model;
    WeightPolicy stored = model.config().storedWeights();
    this.policy = stored.quantizes() ? stored : policy;
    this.tokenizer = tokenizer;
    this.withTensors = withTensors;
    this.checked = checked;
    for (StoredTensor tensor : model.checkpoint().weights().tensors()) {
      types.merge(tensor.type().code(), new TypeSum(1, tensor.byteSize()), TypeSum::plus);
    }
  }

  private static final KvPolicy POLICY = KvPolicy.nearLossless();

  private MemoryPlan plan() {
    return model.memoryPlan(model.config().maxPositionEmbeddings(), POLICY);
  }

  JsonText json() {
    ModelConfig config = model.config();
    JsonText byType = new JsonText();
    types.forEach((type, sum) ->
        byType.put(type, new JsonText().put("count", sum.count).put("bytes", sum.byteSize)));
    MemoryPlan plan = plan();
    JsonText object =
        new JsonText()
            .put("model", name)
            .put("architecture", config.architecture())
            .put("parameters", model.parameterCount())
            .put("layers", config.numHiddenLayers())
            .put("hidden_size", config.hiddenSize())
            .put("intermediate_size", config.intermediateSize())
            .put("query_heads", config.numAttentionHeads())
            .put("kv_heads", config.numKeyValueHeads())
            .put("head_dim", config.headDim())
            .put("vocab_size", config.vocabSize())
            .put("context", config.maxPositionEmbeddings())
            .put("tied_embeddings", config.tieWordEmbeddings())
            .put("tensors_by_dtype", byType)
            .put("weights", weights())
            .put("tokenizer", TokenizerReport.json(tokenizer))
            .put(
                "memory",
                new JsonText()
                    .put("weights_bytes", plan.weightByteSize())
                    .put("kv_bytes_per_token", plan.cacheByteSizePerToken())
                    .put("kv_bytes", plan.cacheByteSize())
                    .put("scratch_bytes", plan.scratchByteSize())
                    .put("context", plan.tokens()));
    if (checked) {
      object.put("all_finite", true);
    }
    return withTensors ? object.put("tensors", tensorObjects()) : object;
  }

  private JsonText weights() {
    WeightMemory memory = model.weightMemory();
    return new JsonText()
        .put("scheme", policy.quantizes() ? policy.toString() : "as stored")
        .put("bits_per_weight", memory.bitsPerWeight())
        .put("bytes", memory.byteSize())
        .put("quantized_weights", memory.quantizedElements())
        .put("quantized_bytes", memory.quantizedByteSize())
        .put("outliers", memory.outliers());
  }

  private String weightLine() {
    WeightMemory memory = model.weightMemory();
    String bits = Quantities.decimal(memory.bitsPerWeight(), 2) + " bits a weight";
    if (!policy.quantizes()) {
      return "as stored, " + bits;
    }
    double own = 8.0 * memory.quantizedByteSize() / Math.max(1, memory.quantizedElements());
    return "%s, %s (%s in codes: %s bits, %d outliers)"
        .formatted(
            policy,
            bits,
            Quantities.count(memory.quantizedElements()),
            Quantities.decimal(own, 2),
            memory.outliers());
  }

  private List<Map<String, Object>> tensorObjects() {
    List<Map<String, Object>> objects = new ArrayList<>();
    for (StoredTensor tensor : model.checkpoint().weights().tensors()) {
      objects.add(
          Map.of(
              "name", tensor.name(),
              "dtype", tensor.type().code(),
              "shape", tensor.shape(),
              "file", String.valueOf(tensor.file().getFileName()),
              "offset", tensor.fileOffset(),
              "bytes", tensor.byteSize()));
    }
    return objects;
  }

  String text() {
    ModelConfig config = model.config();
    MemoryPlan plan = plan();
    StringBuilder text = new StringBuilder();
    row(text, "model", name);
    row(text, "architecture", config.architecture());
    row(
        text,
        "parameters",
        Quantities.count(model.parameterCount()) + " (" + model.parameterCount() + ")");
    row(
        text,
        "layers",
        config.numHiddenLayers()
            + " of hidden "
            + config.hiddenSize()
            + ", intermediate "
            + config.intermediateSize());
    row(
        text,
        "heads",
        config.numAttentionHeads()
            + " query, "
            + config.numKeyValueHeads()
            + " key/value, of "
            + config.headDim());
    String tied = config.tieWordEmbeddings() ? ", embeddings tied" : "";
    row(text, "vocabulary", config.vocabSize() + tied);
    row(text, "context", config.maxPositionEmbeddings() + " tokens");
    types.forEach((type, sum) ->
        row(text, "tensors " + type, sum.count + ", " + Quantities.bytes(sum.byteSize)));
    row(text, "weights", weightLine());
    row(text, "tokenizer", TokenizerReport.line(tokenizer));
    row(
        text,
        "memory",
        "weights "
            + Quantities.bytes(plan.weightByteSize())
            + ", KV cache ("
            + POLICY.base().format()
            + ") "
            + Quantities.bytes(plan.cacheByteSizePerToken())
            + " a token, "
            + Quantities.bytes(plan.cacheByteSize())
            + " when full, scratch up to "
            + Quantities.bytes(plan.scratchByteSize()));
    if (checked) {
      row(text, "values", "all finite");
    }
    if (withTensors) {
      for (StoredTensor tensor : model.checkpoint().weights().tensors()) {
        text.append(tensor.name()).append(' ').append(tensor.type().code()).append(' ');
        text.append(tensor.shape()).append(' ').append(tensor.file().getFileName());
        text.append(" @ ").append(tensor.fileOffset()).append('\n');
      }
    }
    return text.toString();
  }

  private static void row(StringBuilder text, String key, String value) {
    text.append(key).append(" ".repeat(Math.max(1, 15 - key.length())));
    text.append(Console.oneLine(value)).append('\n');
  }
}
