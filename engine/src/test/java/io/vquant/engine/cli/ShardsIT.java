package io.vquant.engine.cli;

import static io.vquant.engine.cli.ModelFolder.safetensors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards that do not fit their index end with exit code 3 and one line. */
final class ShardsIT {
  private static final int BAD_MODEL = 3;
  private static final String FIRST = "model-00001-of-00002.safetensors";
  private static final String LAST = "model-00002-of-00002.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  @TempDir private Path temp;
  private ModelFolder model;

  @BeforeEach
  void twoShards() throws IOException {
    model = ModelFolder.withoutWeights(temp.resolve("model"));
    model.write(FIRST, safetensors(tensor("a"), 8)).write(LAST, safetensors(tensor("b"), 8));
    index(FIRST, LAST);
  }

  private static String tensor(String name) {
    return "{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
  }

  private void index(String fileOfA, String fileOfB) {
    model.write(
        INDEX,
        "{\"metadata\":{\"total_size\":16},\"weight_map\":{\"a\":\""
            + fileOfA
            + "\",\"b\":\""
            + fileOfB
            + "\"}}");
  }

  private void refusedNaming(String... words) {
    Cli.onThisJava().run("inspect", "-m", model.toString()).failsWith(BAD_MODEL, words);
  }

  @Test
  void truncatedLastShard() throws IOException {
    byte[] whole = Files.readAllBytes(model.file(LAST));
    model.write(LAST, java.util.Arrays.copyOf(whole, whole.length - 4));
    refusedNaming(LAST);
  }

  @Test
  void missingShard() throws IOException {
    model.delete(LAST);
    refusedNaming(LAST);
  }

  @Test
  void tensorInTwoShards() {
    model.write(
        LAST,
        safetensors(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
            16));
    refusedNaming("\"a\"");
  }

  @Test
  void tensorMissingFromItsShard() {
    model.write(LAST, safetensors(tensor("c"), 8));
    refusedNaming(LAST);
  }

  @Test
  void indexThatLeavesTheFolder() throws IOException {
    Files.copy(model.file(LAST), temp.resolve("outside.safetensors"));
    index(FIRST, "../outside.safetensors");
    refusedNaming(INDEX, "../outside.safetensors");
    index(FIRST, temp.resolve("outside.safetensors").toString());
    refusedNaming(INDEX);
    Files.createSymbolicLink(model.file("link.safetensors"), temp.resolve("outside.safetensors"));
    index(FIRST, "link.safetensors");
    refusedNaming("link.safetensors");
  }

  @Test
  void damagedIndex() {
    model.write(INDEX, "{\"weight_map\": 3}");
    refusedNaming(INDEX);
  }
}
