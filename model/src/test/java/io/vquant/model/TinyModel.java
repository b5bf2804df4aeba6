package io.vquant.model;

import io.vquant.weights.ElementType;
import io.vquant.weights.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.StringJoiner;

/** Writes model folders with random weights, and with faults put in on purpose. */
public final class TinyModel {
  private final ConfigText text;
  private final Map<String, List<Long>> shapes = new LinkedHashMap<>();
  private final Map<String, ElementType> types = new LinkedHashMap<>();
  private ElementType type = ElementType.F32;
  private int shards = 1;

  private TinyModel(ConfigText text) {
    this.text = text;
    ModelConfig config = text.read();
    long hidden = config.hiddenSize();
    long vocab = config.vocabSize();
    shapes.put("model.embed_tokens.weight", List.of(vocab, hidden));
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      addLayer("model.layers." + i + ".", config);
    }
    shapes.put("model.norm.weight", List.of(hidden));
    if (!config.tieWordEmbeddings()) {
      shapes.put("lm_head.weight", List.of(vocab, hidden));
    }
  }

  public static TinyModel of(ConfigText text) {
    return new TinyModel(text);
  }

  private void addLayer(String prefix, ModelConfig config) {
    long hidden = config.hiddenSize();
    long queries = config.queryColumns();
    long keys = config.keyValueColumns();
    long inner = config.intermediateSize();
    boolean qkv = config.biases().queryKeyValue();
    addLinear(prefix + "self_attn.q_proj", queries, hidden, qkv);
    addLinear(prefix + "self_attn.k_proj", keys, hidden, qkv);
    addLinear(prefix + "self_attn.v_proj", keys, hidden, qkv);
    addLinear(prefix + "self_attn.o_proj", hidden, queries, config.biases().attentionOutput());
    if (config.queryKeyNorm()) {
      shapes.put(prefix + "self_attn.q_norm.weight", List.of((long) config.headDim()));
      shapes.put(prefix + "self_attn.k_norm.weight", List.of((long) config.headDim()));
    }
    addLinear(prefix + "mlp.gate_proj", inner, hidden, config.biases().mlp());
    addLinear(prefix + "mlp.up_proj", inner, hidden, config.biases().mlp());
    addLinear(prefix + "mlp.down_proj", hidden, inner, config.biases().mlp());
    shapes.put(prefix + "input_layernorm.weight", List.of(hidden));
    shapes.put(prefix + "post_attention_layernorm.weight", List.of(hidden));
  }

  private void addLinear(String name, long out, long in, boolean bias) {
    shapes.put(name + ".weight", List.of(out, in));
    if (bias) {
      shapes.put(name + ".bias", List.of(out));
    }
  }

  public TinyModel stored(ElementType elementType) {
    type = elementType;
    return this;
  }

  public TinyModel stored(String name, ElementType elementType) {
    types.put(name, elementType);
    return this;
  }

  public TinyModel shards(int count) {
    shards = count;
    return this;
  }

  public TinyModel with(String name, long... shape) {
    List<Long> sizes = new ArrayList<>();
    for (long size : shape) {
      sizes.add(size);
    }
    shapes.put(name, sizes);
    return this;
  }

  public TinyModel without(String prefix) {
    shapes.keySet().removeIf(name -> name.startsWith(prefix));
    return this;
  }

  /** Changes the config after the shapes were taken from it. */
  public TinyModel config(String field, String json) {
    text.with(field, json);
    return this;
  }

  /** Writes the folder; the same seed gives the same values in every element type. */
  public Path write(Path folder, long seed) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), text.toString());
    List<SafetensorsWriter> writers = new ArrayList<>();
    for (int i = 0; i < shards; i++) {
      writers.add(new SafetensorsWriter());
    }
    StringJoiner map = new StringJoiner(", ");
    Random random = new Random(seed);
    try (Arena arena = Arena.ofConfined()) {
      int next = 0;
      for (Map.Entry<String, List<Long>> entry : shapes.entrySet()) {
        String name = entry.getKey();
        ElementType elements = types.getOrDefault(name, type);
        int shard = next++ % shards;
        MemorySegment data = values(arena, elements, entry.getValue(), name, random);
        writers.get(shard).add(name, elements, entry.getValue(), data);
        map.add("\"" + name + "\": \"" + shardName(shard) + "\"");
      }
      for (int i = 0; i < shards; i++) {
        writers.get(i).write(folder.resolve(shardName(i)));
      }
    }
    if (shards > 1) {
      Files.writeString(
          folder.resolve("model.safetensors.index.json"),
          "{\"metadata\": {\"total_size\": 0}, \"weight_map\": {" + map + "}}");
    }
    return folder;
  }

  private String shardName(int index) {
    return shards == 1
        ? "model.safetensors"
        : "model-%05d-of-%05d.safetensors".formatted(index + 1, shards);
  }

  /** Multiples of 1/64 in -1 ... 1 (norms: 1 ... 2), few enough bits for every type above 8. */
  private static MemorySegment values(
      Arena arena, ElementType type, List<Long> shape, String name, Random random) {
    long count = shape.stream().reduce(1L, Math::multiplyExact);
    MemorySegment data = arena.allocate(Math.max(1, count * type.byteSize()), 8);
    boolean norm = name.endsWith("norm.weight");
    for (long i = 0; i < count; i++) {
      int step = norm ? 64 + random.nextInt(16) : random.nextInt(65) - 32;
      put(data, type, i, step / 64f);
    }
    return data.asSlice(0, count * type.byteSize());
  }

  private static void put(MemorySegment data, ElementType type, long index, float value) {
    long at = index * type.byteSize();
    switch (type) {
      case F64 -> data.set(ValueLayout.JAVA_DOUBLE, at, value);
      case F32 -> data.set(ValueLayout.JAVA_FLOAT, at, value);
      case BF16 ->
          data.set(ValueLayout.JAVA_SHORT, at, (short) (Float.floatToRawIntBits(value) >> 16));
      case F16 -> data.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16(value));
      case F8_E5M2 ->
          data.set(ValueLayout.JAVA_BYTE, at, (byte) (Float.floatToFloat16(value) >> 8));
      default -> data.asSlice(at, type.byteSize()).fill((byte) 1);
    }
  }
}
