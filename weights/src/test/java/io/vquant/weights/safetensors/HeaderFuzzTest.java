package io.vquant.weights.safetensors;

import static io.vquant.weights.safetensors.RawFile.entry;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.weights.MalformedCheckpointException;
import io.vquant.weights.StoredTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Seeded mutations of good files and of a good index: each is either refused with a {@link
 * MalformedCheckpointException} or keeps the rules. The system property {@code vquant.fuzz.count}
 * sets how many are tried.
 */
class HeaderFuzzTest {
  private static final Path FILE = Path.of("fuzz.safetensors");
  private static final int COUNT = Integer.getInteger("vquant.fuzz.count", 100_000);
  private static final long SEED = 0x5afe7e45L;

  private static final List<String> HEADERS =
      List.of(
          "{}      ",
          "{" + entry("t", "F32", "[2,3]", 0, 24) + "}",
          "{\"__metadata__\":{\"format\":\"pt\"},"
              + entry("model.a", "BF16", "[4]", 0, 8)
              + ","
              + entry("model.b", "I64", "[]", 8, 16)
              + ","
              + entry("é😀", "F8_E4M3", "[0]", 16, 16)
              + ","
              + entry("\\u0041\\\"", "U8", "[8,1,1]", 16, 24)
              + "}");
  private static final String INDEX =
      "{\"metadata\":{\"total_size\":24.0,\"x\":[null,{}]},\"weight_map\":"
          + "{\"a\":\"s-1.safetensors\",\"b\":\"s-2.safetensors\"}}";
  private static final List<String> PIECES =
      List.of(
          "-1",
          "1e9",
          "0.5",
          "9223372036854775807",
          "18446744073709551615",
          "null",
          "true",
          "[]",
          "{}",
          "\"\"",
          "[[[[[[[[",
          "{\"a\":{\"a\":{\"a\":",
          "\"dtype\":\"F32\",",
          "\\ud800",
          "\\u0000",
          "\u2028",
          "\"__metadata__\":{},",
          "\0",
          "\ufeff",
          "}",
          "]",
          ",",
          ":",
          "\"",
          "F64",
          "\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},");

  @Test
  void mutatedFilesAreRefusedOrKeepTheRules() {
    int accepted = 0;
    for (int i = 0; i < COUNT; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      byte[] header = HEADERS.get(random.nextInt(HEADERS.size())).getBytes(UTF_8);
      int dataBytes = header.length < 10 ? 0 : 24;
      byte[] bytes;
      if (random.nextInt(4) == 0) {
        bytes = mutated(RawFile.of(header, dataBytes), random);
      } else {
        bytes = RawFile.of(mutated(header, random), dataBytes);
      }
      try {
        requireRules(SafetensorsFile.parse(FILE, MemorySegment.ofArray(bytes)), bytes);
        accepted++;
      } catch (MalformedCheckpointException refusal) {
        requireOneLine(refusal, SEED + i);
      } catch (RuntimeException | StackOverflowError fault) {
        throw new AssertionError("seed " + (SEED + i), fault);
      }
    }
    assertThat(accepted).as("some mutations are harmless").isBetween(1, COUNT - 1);
  }

  @Test
  void mutatedIndexesAreRefusedOrKeepTheRules() {
    int accepted = 0;
    int count = Math.max(100, COUNT / 10);
    for (int i = 0; i < count; i++) {
      byte[] bytes = mutated(INDEX.getBytes(UTF_8), new SplittableRandom(SEED - i));
      try {
        ShardIndex index = ShardIndex.parse(FILE, MemorySegment.ofArray(bytes));
        assertThat(index.weightMap()).as("seed " + (SEED - i)).isNotEmpty();
        accepted++;
      } catch (MalformedCheckpointException refusal) {
        requireOneLine(refusal, SEED - i);
      } catch (RuntimeException | StackOverflowError fault) {
        throw new AssertionError("seed " + (SEED - i), fault);
      }
    }
    assertThat(accepted).isBetween(1, count - 1);
  }

  private static void requireOneLine(MalformedCheckpointException refusal, long seed) {
    String message = refusal.getMessage();
    if (message.chars().anyMatch(Character::isISOControl) || message.length() > 2000) {
      throw new AssertionError("seed " + seed + ": " + message);
    }
  }

  /** Checked from the result alone: the tensors and the header make up the file, byte by byte. */
  private static void requireRules(SafetensorsFile file, byte[] bytes) {
    long headerBytes =
        MemorySegment.ofArray(bytes).get(java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED, 0);
    long next = 8 + headerBytes;
    for (StoredTensor tensor : file.tensors().values()) {
      long elements =
          tensor.shape().stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
      if (tensor.fileOffset() != next || tensor.byteSize() != elements * tensor.type().byteSize()) {
        throw new IllegalStateException("tensor " + tensor);
      }
      next += tensor.byteSize();
    }
    if (next != bytes.length) {
      throw new IllegalStateException("the tensors end at " + next + " of " + bytes.length);
    }
  }

  private static byte[] mutated(byte[] original, SplittableRandom random) {
    byte[] bytes = original;
    for (int rounds = 1 + random.nextInt(3); rounds > 0; rounds--) {
      int at = random.nextInt(bytes.length + 1);
      bytes =
          switch (random.nextInt(7)) {
            case 0 -> flipped(bytes, random);
            case 1 -> Arrays.copyOf(bytes, at);
            case 2 -> spliced(bytes, at, at, piece(random));
            case 3 -> withOtherNumber(bytes, random);
            case 4 -> repeated(bytes, at, random);
            case 5 ->
                spliced(
                    bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(8)), piece(random));
            default -> spliced(bytes, at, Math.min(bytes.length, at + 1), new byte[0]);
          };
    }
    return bytes;
  }

  private static byte[] flipped(byte[] bytes, SplittableRandom random) {
    byte[] result = bytes.clone();
    if (result.length > 0) {
      result[random.nextInt(result.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return result;
  }

  private static byte[] piece(SplittableRandom random) {
    return PIECES.get(random.nextInt(PIECES.size())).getBytes(UTF_8);
  }

  private static byte[] withOtherNumber(byte[] bytes, SplittableRandom random) {
    int from = random.nextInt(bytes.length + 1);
    while (from < bytes.length && !Character.isDigit(bytes[from])) {
      from++;
    }
    int to = from;
    while (to < bytes.length && Character.isDigit(bytes[to])) {
      to++;
    }
    long number = random.nextBoolean() ? random.nextInt(30) : random.nextLong();
    return spliced(bytes, from, to, Long.toString(number).getBytes(UTF_8));
  }

  /** Doubles a stretch, which makes duplicate keys among other things. */
  private static byte[] repeated(byte[] bytes, int at, SplittableRandom random) {
    int end = at + random.nextInt(bytes.length - at + 1);
    return spliced(bytes, end, end, Arrays.copyOfRange(bytes, at, end));
  }

  private static byte[] spliced(byte[] bytes, int from, int to, byte[] inserted) {
    byte[] result = Arrays.copyOf(bytes, from + inserted.length + bytes.length - to);
    System.arraycopy(inserted, 0, result, from, inserted.length);
    System.arraycopy(bytes, to, result, from + inserted.length, bytes.length - to);
    return result;
  }
}
