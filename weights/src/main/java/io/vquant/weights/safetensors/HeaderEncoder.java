package io.vquant.weights.safetensors;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The inverse of {@link SafetensorsHeader}: the length and the JSON, padded with blanks. */
final class HeaderEncoder {
  /** What the reference implementation pads to. */
  static final int ALIGNMENT = 8;

  private HeaderEncoder() {}

  /**
   * The bytes that stand before the data part; a multiple of {@code alignment}.
   *
   * @throws IllegalStateException if the JSON is longer than 100 MB
   */
  static byte[] encode(Map<String, String> metadata, List<TensorEntry> tensors, int alignment) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeName(HeaderParser.METADATA_KEY).writeStartObject();
        metadata.forEach(json::writeStringProperty);
        json.writeEndObject();
      }
      for (TensorEntry tensor : tensors) {
        writeTensor(json, tensor);
      }
      json.writeEndObject();
    }
    while ((SafetensorsHeader.LENGTH_BYTES + text.size()) % alignment != 0) {
      text.write(' ');
    }
    if (text.size() > SafetensorsHeader.MAX_BYTES) {
      throw new IllegalStateException(
          "the header takes %d bytes, at most %d are allowed"
              .formatted(text.size(), SafetensorsHeader.MAX_BYTES));
    }
    return ByteBuffer.allocate(SafetensorsHeader.LENGTH_BYTES + text.size())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(text.size())
        .put(text.toByteArray())
        .array();
  }

  private static void writeTensor(JsonGenerator json, TensorEntry tensor) {
    json.writeName(tensor.name()).writeStartObject();
    json.writeStringProperty("dtype", tensor.type().code());
    json.writeName("shape").writeStartArray();
    tensor.shape().forEach(dimension -> json.writeNumber((long) dimension));
    json.writeEndArray();
    json.writeName("data_offsets").writeStartArray();
    json.writeNumber(tensor.begin()).writeNumber(tensor.end());
    json.writeEndArray();
    json.writeEndObject();
  }
}
