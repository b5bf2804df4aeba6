package io.vquant.weights.safetensors;

import static io.vquant.weights.MalformedCheckpointException.quoted;

import io.vquant.weights.ElementType;
import io.vquant.weights.StoredTensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonToken;

/**
 * Reads the JSON of a header: {@code {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets":
 * [0, 12]}, ..., "__metadata__": {"key": "value"}}}. Checks each tensor by itself; how they lie
 * together is checked by {@link SafetensorsHeader}.
 */
final class HeaderParser {
  static final String METADATA_KEY = "__metadata__";

  /** The most dimensions that PyTorch makes; keeps a header from costing many times its bytes. */
  static final int MAX_DIMENSIONS = 64;

  private final StrictJson json;
  private final List<TensorEntry> tensors = new ArrayList<>();
  private Map<String, String> metadata = Map.of();

  HeaderParser(StrictJson json) {
    this.json = json;
  }

  void parse() {
    json.next(JsonToken.START_OBJECT, null, "the header to be a JSON object");
    while (json.nextKey()) {
      String key = json.key();
      if (key.equals(METADATA_KEY)) {
        metadata = parseMetadata();
      } else {
        tensors.add(parseTensor(key));
      }
    }
    json.end();
  }

  /** In the order of the header. */
  List<TensorEntry> tensors() {
    return Collections.unmodifiableList(tensors);
  }

  Map<String, String> metadata() {
    return metadata;
  }

  private Map<String, String> parseMetadata() {
    json.next(JsonToken.START_OBJECT, null, METADATA_KEY + " to be an object of strings");
    Map<String, String> values = new TreeMap<>();
    while (json.nextKey()) {
      String key = json.key();
      values.put(key, json.nextString(null, METADATA_KEY + " to be an object of strings"));
    }
    return Collections.unmodifiableMap(values);
  }

  private TensorEntry parseTensor(String name) {
    json.next(JsonToken.START_OBJECT, name, "an object of dtype, shape and data_offsets");
    ElementType type = null;
    List<Long> shape = null;
    long[] offsets = null;
    while (json.nextKey()) {
      String field = json.key();
      switch (field) {
        case "dtype" -> type = parseType(name);
        case "shape" -> shape = parseShape(name);
        case "data_offsets" -> offsets = parseOffsets(name);
        default ->
            throw json.malformed(
                name, "only dtype, shape and data_offsets", "the field " + quoted(field));
      }
    }
    require(type, name, "dtype");
    require(shape, name, "shape");
    require(offsets, name, "data_offsets");
    requireMatchingSize(name, type, shape, offsets);
    return new TensorEntry(name, type, shape, offsets[0], offsets[1]);
  }

  private ElementType parseType(String tensor) {
    String code = json.nextString(tensor, "dtype to be a string");
    return ElementType.ofCode(code)
        .orElseThrow(() ->
            json.malformed(
                tensor, "dtype to be one of " + ElementType.supportedCodes(), quoted(code)));
  }

  private List<Long> parseShape(String tensor) {
    json.next(JsonToken.START_ARRAY, tensor, "shape to be an array of whole numbers");
    List<Long> shape = new ArrayList<>(4);
    while (json.nextElement()) {
      if (shape.size() == MAX_DIMENSIONS) {
        throw json.malformed(tensor, "at most " + MAX_DIMENSIONS + " dimensions", "more");
      }
      shape.add(json.wholeNumber(tensor, "shape", shape.size()));
    }
    return List.copyOf(shape);
  }

  private long[] parseOffsets(String tensor) {
    String expected = "data_offsets to be an array of two whole numbers";
    json.next(JsonToken.START_ARRAY, tensor, expected);
    long[] offsets = new long[2];
    int count = 0;
    while (json.nextElement()) {
      if (count == offsets.length) {
        throw json.malformed(tensor, expected, "more than two");
      }
      offsets[count] = json.wholeNumber(tensor, "data_offsets", count);
      count++;
    }
    if (count < offsets.length) {
      throw json.malformed(tensor, expected, "only " + count);
    }
    return offsets;
  }

  private void requireMatchingSize(
      String name, ElementType type, List<Long> shape, long[] offsets) {
    long begin = offsets[0];
    long end = offsets[1];
    if (begin > end) {
      throw json.malformed(
          name, "data_offsets to begin before they end", "[" + begin + ", " + end + "]");
    }
    long wanted;
    try {
      wanted = StoredTensor.byteSize(type, shape);
    } catch (IllegalArgumentException overflow) {
      throw json.malformed(name, "a size below 2^63 bytes", type + " of shape " + shape);
    }
    if (end - begin != wanted) {
      throw json.malformed(
          name,
          "data_offsets to span %d bytes for %s of shape %s".formatted(wanted, type, shape),
          "[%d, %d], which span %d".formatted(begin, end, end - begin));
    }
  }

  private void require(@Nullable Object field, String tensor, String what) {
    if (field == null) {
      throw json.malformed(tensor, "the fields dtype, shape and data_offsets", "no " + what);
    }
  }
}
