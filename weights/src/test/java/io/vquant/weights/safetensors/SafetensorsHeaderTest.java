package io.vquant.weights.safetensors;

import static io.vquant.weights.safetensors.RawFile.entry;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.vquant.weights.ElementType;
import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsHeaderTest {
  private static final Path FILE = Path.of("dir", "x.safetensors");

  private static SafetensorsFile parse(byte[] bytes) {
    return SafetensorsFile.parse(FILE, MemorySegment.ofArray(bytes));
  }

  private static MalformedCheckpointException refusal(byte[] bytes) {
    MalformedCheckpointException refusal =
        catchThrowableOfType(MalformedCheckpointException.class, () -> parse(bytes));
    assertThat(refusal).isNotNull();
    assertThat(refusal.file()).isEqualTo(FILE);
    assertThat(refusal.getMessage()).startsWith(FILE.toString()).hasLineCount(1);
    assertThat(refusal.getMessage().length()).isLessThan(1000);
    return refusal;
  }

  @Test
  void aFileOfTwoTensorsIsReadInTheOrderOfItsData() {
    String header =
        "{\"b\":{\"shape\":[2],\"data_offsets\":[3,7],\"dtype\":\"BF16\"},"
            + "\"__metadata__\":{\"format\":\"pt\"},"
            + entry("a", "U8", "[3,1]", 0, 3)
            + "} \n\t\r  ";
    byte[] bytes = RawFile.of(header, 7);
    bytes[bytes.length - 1] = (byte) 0xbf;
    bytes[bytes.length - 2] = (byte) 0x80;

    SafetensorsFile file = parse(bytes);

    assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
    assertThat(file.tensors().keySet()).containsExactly("a", "b");
    StoredTensor b = file.tensors().get("b");
    assertThat(b.type()).isEqualTo(ElementType.BF16);
    assertThat(b.shape()).isEqualTo(List.of(2L));
    assertThat(b.fileOffset()).isEqualTo(8 + header.length() + 3);
    assertThat(b.data().isReadOnly()).isTrue();
    assertThat(b.floatAt(1)).as("at an odd offset").isEqualTo(-1f);
  }

  @Test
  void emptyTensorsAndScalarsAndNoTensorsAreFine() {
    assertThat(parse(RawFile.of("{}", 0)).tensors()).isEmpty();
    String header =
        "{%s,%s,%s}"
            .formatted(
                entry("scalar", "F32", "[]", 0, 4),
                entry("none", "F32", "[0,9223372036854775807]", 0, 0),
                entry("last", "I8", "[0]", 4, 4));
    Map<String, StoredTensor> tensors = parse(RawFile.of(header, 4)).tensors();
    assertThat(tensors.get("scalar").elementCount()).isEqualTo(1);
    assertThat(tensors.get("none").elementCount()).isZero();
    assertThat(tensors.get("last").byteSize()).isZero();
  }

  @Test
  void namesAreUnicode() {
    String header = "{" + entry("重み\\u00e9😀", "U8", "[1]", 0, 1) + "}";
    assertThat(parse(RawFile.of(header, 1)).tensors()).containsOnlyKeys("重みé😀");
  }

  @Test
  void aHeaderOfManyMebibytesIsRead() {
    int count = 100_000;
    String header =
        IntStream.range(0, count)
            .mapToObj(
                i -> entry("model.layers." + i + ".mlp.experts.weight", "U8", "[1]", i, i + 1L))
            .collect(Collectors.joining(",", "{", "}"));
    assertThat(header.length()).isGreaterThan(8 << 20);
    SafetensorsFile file = parse(RawFile.of(header, count));
    assertThat(file.tensors()).hasSize(count);
  }

  static Stream<Arguments> badHeaders() {
    String good = entry("t", "U8", "[2]", 0, 2);
    return Stream.of(
        Arguments.of("not JSON", "{x}", 0, "valid JSON"),
        Arguments.of("cut", "{" + good, 2, "valid JSON"),
        Arguments.of("single quotes", "{'t':{}}", 0, "valid JSON"),
        Arguments.of("comment", "{/**/}", 0, "valid JSON"),
        Arguments.of("trailing comma", "{" + good + ",}", 2, "valid JSON"),
        Arguments.of("raw newline in a name", "{\"a\nb\":{}}", 0, "valid JSON"),
        Arguments.of("trailing object", "{" + good + "}{}", 2, "nothing after"),
        Arguments.of("trailing text", "{" + good + "} x", 2, "valid JSON"),
        Arguments.of("trailing zero byte", "{" + good + "}\0", 2, "valid JSON"),
        Arguments.of("duplicate name", "{" + good + "," + good + "}", 2, "Duplicate"),
        Arguments.of(
            "duplicate name, spelled otherwise",
            "{" + good + "," + good.replace("\"t\"", "\"\\u0074\"") + "}",
            2,
            "Duplicate"),
        Arguments.of("duplicate field", "{\"t\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 2, "Dup"),
        Arguments.of("duplicate metadata", "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, "Dup"),
        Arguments.of("two metadata", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "Dup"),
        Arguments.of("high surrogate in a name", "{\"\\ud800\":{}}", 0, "surrogate"),
        Arguments.of("low surrogate in a name", "{\"\\udc00\":{}}", 0, "surrogate"),
        Arguments.of("high surrogate", "{\"__metadata__\":{\"a\":\"\\ud800x\"}}", 0, "surrogate"),
        Arguments.of("low surrogate", "{\"__metadata__\":{\"a\":\"\\udc00\"}}", 0, "surrogate"),
        Arguments.of("metadata a string", "{\"__metadata__\":\"a\"}", 0, "__metadata__"),
        Arguments.of("metadata null", "{\"__metadata__\":null}", 0, "__metadata__"),
        Arguments.of(
            "metadata of a number",
            "{\"__metadata__\":{\"a\":1}}",
            0,
            "of strings, found the number"),
        Arguments.of("metadata nested", "{\"__metadata__\":{\"a\":{}}}", 0, "an object"),
        Arguments.of("tensor a number", "{\"t\":1}", 0, "the number \"1\""),
        Arguments.of("tensor null", "{\"t\":null}", 0, "\"null\""),
        Arguments.of("no dtype", "{\"t\":{\"shape\":[],\"data_offsets\":[0,0]}}", 0, "no dtype"),
        Arguments.of("no shape", "{\"t\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "shape"),
        Arguments.of("no offsets", "{\"t\":{\"dtype\":\"U8\",\"shape\":[]}}", 1, "data_offsets"),
        Arguments.of("unknown field", "{\"t\":{\"stride\":[]}}", 0, "\"stride\""),
        Arguments.of("dtype a number", "{\"t\":{\"dtype\":7}}", 0, "dtype to be a string"),
        Arguments.of("shape a number", "{\"t\":{\"shape\":7}}", 0, "shape to be an array"),
        Arguments.of("shape of strings", "{\"t\":{\"shape\":[\"7\"]}}", 0, "shape[0]"),
        Arguments.of("three offsets", "{\"t\":{\"data_offsets\":[0,1,2]}}", 0, "more than two"),
        Arguments.of("one offset", "{\"t\":{\"data_offsets\":[0]}}", 0, "only 1"),
        Arguments.of("unknown dtype", "{" + entry("t", "F4", "[2]", 0, 1) + "}", 1, "BF16, I32"),
        Arguments.of("dtype in lower case", "{" + entry("t", "u8", "[2]", 0, 2) + "}", 2, "\"u8\""),
        Arguments.of("begin > end", "{" + entry("t", "U8", "[2]", 2, 0) + "}", 2, "[2, 0]"),
        Arguments.of("size too small", "{" + entry("t", "F32", "[2]", 0, 2) + "}", 2, "span 8"),
        Arguments.of("size too large", "{" + entry("t", "U8", "[1]", 0, 2) + "}", 2, "span 1"),
        Arguments.of(
            "shape overflows",
            "{" + entry("t", "U8", "[4294967296,4294967296]", 0, 0) + "}",
            0,
            "2^63"),
        Arguments.of(
            "shape times dtype overflows",
            "{" + entry("t", "F64", "[1152921504606846977]", 0, 8) + "}",
            8,
            "2^63"),
        Arguments.of("hole at the start", "{" + entry("t", "U8", "[2]", 1, 3) + "}", 3, "a hole"),
        Arguments.of(
            "hole",
            "{" + good + "," + entry("u", "U8", "[1]", 3, 4) + "}",
            4,
            "begin at 2, where the tensor before it ends, found 3 (a hole)"),
        Arguments.of(
            "overlap", "{" + good + "," + entry("u", "U8", "[2]", 1, 3) + "}", 3, "(overlap)"),
        Arguments.of(
            "same bytes", "{" + good + "," + entry("u", "U8", "[2]", 0, 2) + "}", 2, "(overlap)"),
        Arguments.of("trailing bytes", "{" + good + "}", 5, "found 3 more bytes"),
        Arguments.of("data but no tensors", "{}", 1, "found 1 more bytes"),
        Arguments.of(
            "truncated",
            "{" + entry("t", "F32", "[100]", 0, 400) + "}",
            150,
            "expected 400 bytes of data as the header promises, found only 150, 250 are missing"),
        Arguments.of(
            "a claim of 2^62 bytes",
            "{" + entry("t", "U8", "[4611686018427387904]", 0, 1L << 62) + "}",
            2,
            "found only 2, 4611686018427387902 are missing"),
        Arguments.of("nested metadata", "{\"__metadata__\":" + "[".repeat(100_000), 0, "array"),
        Arguments.of(
            "nested shape", "{\"t\":{\"shape\":" + "[".repeat(100_000) + "]}}", 0, "shape[0]"),
        Arguments.of("nested objects", "{\"t\":".repeat(100_000), 0, "dtype"),
        Arguments.of(
            "65 dimensions",
            "{" + entry("t", "U8", "[" + "1,".repeat(64) + "1]", 0, 1) + "}",
            1,
            "at most 64 dimensions"),
        Arguments.of("a name of 1 MB", "{\"" + "n".repeat(1 << 20) + "\":1}", 0, "1048576 char"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("badHeaders")
  void aBadHeaderIsRefused(String title, String header, int dataBytes, String hint) {
    assertThat(refusal(RawFile.of(header, dataBytes))).hasMessageContaining(hint);
  }

  @ParameterizedTest
  @MethodSource("badNumbers")
  void onlyWholeNumbersFromZeroAreTaken(String number, String hint) {
    for (String field :
        List.of("\"shape\":[%s]", "\"data_offsets\":[%s,2]", "\"data_offsets\":[0,%s]")) {
      String header = "{\"t\":{" + field.formatted(number) + "}}";
      assertThat(refusal(RawFile.of(header, 2))).as(header).hasMessageContaining(hint);
    }
  }

  static Stream<Arguments> badNumbers() {
    String whole = "a whole number from 0 to 2^63 - 1";
    return Stream.of(
        Arguments.of("-1", whole),
        Arguments.of("-0", whole),
        Arguments.of("1.5", whole),
        Arguments.of("2.0", whole),
        Arguments.of("2e0", whole),
        Arguments.of("9223372036854775808", whole),
        Arguments.of("18446744073709551616", whole),
        Arguments.of("9".repeat(300), whole),
        Arguments.of("9".repeat(10_000), "valid JSON"),
        Arguments.of("\"2\"", whole),
        Arguments.of("true", whole),
        Arguments.of("null", whole),
        Arguments.of("[2]", whole),
        Arguments.of("02", "valid JSON"),
        Arguments.of("+2", "valid JSON"),
        Arguments.of("0x2", "valid JSON"),
        Arguments.of("NaN", "valid JSON"),
        Arguments.of("Infinity", "valid JSON"));
  }

  @Test
  void theFaultyTensorAndPlaceAreNamed() {
    String header = "{\"é\":{\"dtype\":\"X1\"}}";
    MalformedCheckpointException refusal = refusal(RawFile.of(header, 0));
    assertThat(refusal.tensor()).isEqualTo("é");
    assertThat(refusal.byteOffset()).isEqualTo(8 + "{\"é\":{\"dtype\":".getBytes(UTF_8).length);
    assertThat(refusal.expected()).contains("BOOL, U8, I8, F8_E5M2, F8_E4M3, I16");
    assertThat(refusal.found()).isEqualTo("\"X1\"");
  }

  @Test
  void theHeaderLengthIsChecked() {
    byte[] header = "{}".getBytes(UTF_8);
    for (long length : new long[] {0, 1, 100_000_001, Long.MAX_VALUE, Long.MIN_VALUE, -1}) {
      MalformedCheckpointException refusal = refusal(RawFile.withLength(length, header, 10));
      assertThat(refusal)
          .hasMessageContaining("from 2 to 100000000 bytes")
          .hasMessageEndingWith("found " + Long.toUnsignedString(length));
      assertThat(refusal.byteOffset()).isZero();
    }
    for (long length : new long[] {13, 100_000_000}) {
      assertThat(refusal(RawFile.withLength(length, header, 10)))
          .hasMessageContaining("a header of " + length + " bytes")
          .hasMessageContaining("only 12 bytes after");
    }
  }

  @Test
  void aFileOfFewerThanEightBytesIsRefused() {
    assertThat(refusal(new byte[0])).hasMessageContaining("an empty file");
    for (int size = 1; size < 8; size++) {
      assertThat(refusal(new byte[size])).hasMessageContaining("a file of " + size + " bytes");
    }
    assertThat(refusal(new byte[8])).hasMessageContaining("zero bytes, as an unfinished download");
  }

  @Test
  void theHeaderStartsWithItsBrace() {
    assertThat(refusal(RawFile.of(" {}", 0))).hasMessageContaining("starts with {, found 0x20");
    assertThat(refusal(RawFile.of("[]", 0))).hasMessageContaining("found 0x5b");
    assertThat(refusal(RawFile.of("\ufeff{}", 0))).hasMessageContaining("found 0xef");
  }

  @Test
  void onlyStrictUtf8IsTaken() {
    for (String bytes :
        List.of("\u00ff", "\u00c0\u0080", "\u00ed\u00a0\u0080", "\u00e9", "\u0080")) {
      String header = "{\"" + bytes + "\":{}}";
      MalformedCheckpointException refusal = refusal(RawFile.of(header.getBytes(ISO_8859_1), 0));
      assertThat(refusal).hasMessageContaining("not UTF-8");
      assertThat(refusal.byteOffset()).isEqualTo(8 + 2);
    }
    assertThat(refusal(RawFile.of("{}".getBytes(UTF_16LE), 0))).hasMessageContaining("valid JSON");
  }

  @Test
  void aSequenceCutByTheEndOfTheHeaderIsNotUtf8() {
    byte[] header = "{\"é".getBytes(UTF_8);
    byte[] cut = java.util.Arrays.copyOf(header, header.length - 1);
    assertThat(refusal(RawFile.of(cut, 0))).hasMessageContaining("not UTF-8");
  }

  @Test
  void whatWasSavedInsteadOfWeightsIsNamed() {
    Map<String, String> contents =
        Map.of(
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull",
            "\n <!DOCTYPE html><html>", "a web page",
            "<html><head>404</head>", "a web page",
            "<?xml version=\"1.0\"?><Error/>", "a web page",
            "{\"error\":\"gated\"}", "JSON text",
            "GGUF\3\0\0\0\0\0\0\0", "a GGUF file",
            "PK\3\4\24\0\10\10\10\0", "a ZIP archive");
    contents.forEach((content, hint) ->
        assertThat(refusal(content.getBytes(ISO_8859_1))).hasMessageContaining(hint));
  }
}
