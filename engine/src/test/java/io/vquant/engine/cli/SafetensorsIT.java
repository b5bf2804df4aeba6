package io.vquant.engine.cli;

import static io.vquant.engine.cli.ModelFolder.safetensors;
import static io.vquant.engine.cli.ModelFolder.withLength;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every way in which a weights file can be bad ends with exit code 3 and one line. */
final class SafetensorsIT {
  private static final int BAD_MODEL = 3;
  private static final String A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
  @TempDir private Path temp;

  private static Arguments file(String name, byte[] bytes) {
    return Arguments.of(name, bytes);
  }

  private static Arguments header(String name, String header, int dataBytes) {
    return Arguments.of(name, safetensors(header, dataBytes));
  }

  private static String tensor(String dtype, String shape, String offsets) {
    return "{\"a\":{\"dtype\":\""
        + dtype
        + "\",\"shape\":"
        + shape
        + ",\"data_offsets\":"
        + offsets
        + "}}";
  }

  private static String second(String name, String offsets) {
    return "{"
        + A
        + ",\""
        + name
        + "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":"
        + offsets
        + "}}";
  }

  static Stream<Arguments> badFiles() {
    byte[] json = ("{" + A + "}").getBytes(StandardCharsets.UTF_8);
    return Stream.of(
        file("empty", new byte[0]),
        file("7 bytes", new byte[7]),
        file("header length 0", withLength(0, new byte[0], 0)),
        file("header length 1", withLength(1, "{".getBytes(StandardCharsets.UTF_8), 0)),
        file("header longer than the file", withLength(4096, json, 8)),
        file("header over 2^63", withLength(-1, json, 8)),
        file("header not UTF-8", withLength(4, new byte[] {'{', (byte) 0xff, (byte) 0xfe, '}'}, 0)),
        header("not JSON", "{\"a\" = 1}", 0),
        header("an array", "[1]", 0),
        header("nesting 10^5", "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}", 0),
        header("duplicate names", second("a", "[8,16]"), 16),
        header("begin > end", tensor("F32", "[2]", "[8,0]"), 8),
        header("negative offset", tensor("F32", "[2]", "[-8,0]"), 8),
        header("fractional offset", tensor("F32", "[2]", "[0,8.5]"), 8),
        header("huge offset", tensor("F32", "[2]", "[0,99999999999999999999]"), 8),
        header("offset behind the end", tensor("F32", "[2]", "[0,1000]"), 8),
        header("overlap", second("b", "[4,12]"), 12),
        header("hole", second("b", "[16,24]"), 24),
        header("trailing bytes", "{" + A + "}", 9),
        header("shape mismatch", tensor("F32", "[3]", "[0,8]"), 8),
        header("shape overflow", tensor("F32", "[4294967296,4294967296]", "[0,8]"), 8),
        header("negative dimension", tensor("F32", "[-2]", "[0,8]"), 8),
        header("unknown dtype", tensor("F31", "[2]", "[0,8]"), 8),
        file(
            "Git-LFS pointer",
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
                .getBytes(StandardCharsets.UTF_8)),
        file(
            "HTML page",
            "<!DOCTYPE html><html><body>Access denied</body></html>"
                .getBytes(StandardCharsets.UTF_8)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badFiles")
  void badFileIsRefused(String name, byte[] bytes) throws IOException {
    ModelFolder model = ModelFolder.withoutWeights(temp.resolve("model"));
    model.write(ModelFolder.WEIGHTS, bytes);
    inspect(model).failsWith(BAD_MODEL, ModelFolder.WEIGHTS);
  }

  @Test
  void headerOver100MegabytesIsRefused() throws IOException {
    ModelFolder model = ModelFolder.withoutWeights(temp.resolve("model"));
    long headerBytes = 100_000_001;
    try (RandomAccessFile file =
        new RandomAccessFile(model.file(ModelFolder.WEIGHTS).toFile(), "rw")) {
      file.write(withLength(headerBytes, new byte[] {'{'}, 0));
      file.setLength(8 + headerBytes + 8);
    }
    inspect(model).failsWith(BAD_MODEL, ModelFolder.WEIGHTS, "100000001");
  }

  @Test
  void folderInPlaceOfTheFileIsRefused() throws IOException {
    ModelFolder model = ModelFolder.withoutWeights(temp.resolve("model"));
    Files.createDirectory(model.file(ModelFolder.WEIGHTS));
    inspect(model).failsWith(BAD_MODEL, ModelFolder.WEIGHTS);
  }

  @Test
  void fifoIsRefusedWithoutWaiting() throws IOException, InterruptedException {
    ModelFolder model = ModelFolder.withoutWeights(temp.resolve("model"));
    String fifo = model.file(ModelFolder.WEIGHTS).toString();
    assertThat(new ProcessBuilder("mkfifo", fifo).start().waitFor()).isZero();
    inspect(model).failsWith(BAD_MODEL, ModelFolder.WEIGHTS);
  }

  @Test
  void unreadableFileIsRefused() throws IOException {
    ModelFolder model = ModelFolder.withoutWeights(temp.resolve("model"));
    Path weights = model.file(ModelFolder.WEIGHTS);
    model.write(ModelFolder.WEIGHTS, safetensors("{" + A + "}", 8));
    Files.setPosixFilePermissions(weights, PosixFilePermissions.fromString("---------"));
    assumeFalse(Files.isReadable(weights), "root reads everything");
    inspect(model).failsWith(BAD_MODEL, ModelFolder.WEIGHTS);
  }

  @Test
  void missingWeightsAreRefused() throws IOException {
    ModelFolder model = ModelFolder.withoutWeights(temp.resolve("model"));
    inspect(model).failsWith(BAD_MODEL, "model.safetensors");
  }

  @Test
  void missingFolderIsRefused() {
    Cli.onThisJava().run("inspect", "-m", temp.resolve("no").toString()).failsWith(BAD_MODEL, "no");
  }

  @Test
  void nanIsFoundOnRequestOnly() throws IOException {
    ModelFolder model = ModelFolder.complete(temp.resolve("model"));
    byte[] bytes = Files.readAllBytes(model.file(ModelFolder.WEIGHTS));
    int end = bytes.length;
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putShort(end - 2, (short) 0x7fc0);
    model.write(ModelFolder.WEIGHTS, bytes);
    inspect(model).succeeds();
    Cli.onThisJava()
        .run("inspect", "--check", "-m", model.toString())
        .failsWith(BAD_MODEL, ModelFolder.WEIGHTS, "1 NaN");
  }

  private static Cli.Outcome inspect(ModelFolder model) {
    return Cli.onThisJava().run("inspect", "-m", model.toString());
  }
}
