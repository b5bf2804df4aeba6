package io.vquant.model;

import io.vquant.weights.StoredTensor;
import io.vquant.weights.safetensors.SafetensorsFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What transformers computed for one tiny model. */
public record Golden(Path folder, JsonNode json, SafetensorsFile tensors) {

  public static Golden read(Path folder, Arena arena) throws IOException {
    JsonNode json = JsonMapper.shared().readTree(Files.readString(folder.resolve("golden.json")));
    return new Golden(
        folder, json, SafetensorsFile.open(folder.resolve("golden.safetensors"), arena));
  }

  public double float32Noise() {
    return json.get("float32_noise").doubleValue();
  }

  /** The error of a run wholly in the 16-bit type of the weights; 0 for float32. */
  public double errorAsStored() {
    JsonNode error = json.get("error_if_computed_in").get(json.get("stored_dtype").stringValue());
    return error == null ? 0 : error.doubleValue();
  }

  public int[] inputIds() {
    StoredTensor ids = tensor("input_ids");
    int[] result = new int[(int) ids.elementCount()];
    for (int i = 0; i < result.length; i++) {
      result[i] = (int) ids.data().get(ValueLayout.JAVA_LONG_UNALIGNED, 8L * i);
    }
    return result;
  }

  public int[] greedy(String name) {
    JsonNode list = json.get("greedy").get(name);
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = list.get(i).intValue();
    }
    return ids;
  }

  /** The largest absolute difference of {@code rows} to the recorded tensor; NaN if any is. */
  public double difference(String name, float[][] rows) {
    StoredTensor expected = tensor(name);
    if (expected.elementCount() != (long) rows.length * rows[0].length) {
      throw new AssertionError(name + ": recorded " + expected.shape());
    }
    double worst = 0;
    long index = 0;
    for (float[] row : rows) {
      for (float value : row) {
        worst = Math.max(worst, Math.abs(value - (double) expected.floatAt(index++)));
      }
    }
    return worst;
  }

  private StoredTensor tensor(String name) {
    return Objects.requireNonNull(tensors.tensors().get(name), name);
  }
}
