package io.vquant.weights.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.weights.ElementType;
import io.vquant.weights.StoredTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
  @TempDir Path dir;

  private static byte[] randomBytes(int count, long seed) {
    byte[] bytes = new byte[count];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private List<String> namesInDir() throws IOException {
    try (Stream<Path> entries = Files.list(dir)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void everyTypeComesBackAsWritten() throws IOException {
    Path file = dir.resolve("all.safetensors");
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
    for (ElementType type : ElementType.values()) {
      byte[] data = randomBytes(15 * type.byteSize(), type.code().hashCode());
      writer.add("t." + type, type, List.of(3L, 5L), MemorySegment.ofArray(data));
    }
    writer.add("empty", ElementType.F32, List.of(2L, 0L), MemorySegment.ofArray(new byte[0]));
    writer.add("scalar \"é😀\n", ElementType.U8, List.of(), MemorySegment.ofArray(new byte[1]));
    writer.write(file);

    try (Arena arena = Arena.ofConfined()) {
      SafetensorsFile read = SafetensorsFile.open(file, arena);
      assertThat(read.metadata()).isEqualTo(Map.of("format", "pt"));
      assertThat(read.tensors()).hasSize(ElementType.values().length + 2);
      assertThat(read.tensors().keySet()).contains("empty", "scalar \"é😀\n");
      for (ElementType type : ElementType.values()) {
        StoredTensor tensor = read.tensors().get("t." + type);
        assertThat(tensor.type()).isEqualTo(type);
        assertThat(tensor.shape()).containsExactly(3L, 5L);
        assertThat(tensor.data().toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(randomBytes(15 * type.byteSize(), type.code().hashCode()));
        assertThat(tensor.fileOffset() % type.byteSize()).as("alignment of %s", type).isZero();
      }
    }
    assertThat(namesInDir()).containsExactly("all.safetensors");
  }

  @Test
  void theBytesAreThoseOfTheReferenceImplementation() throws IOException {
    Path file = dir.resolve("x.safetensors");
    new SafetensorsWriter()
        .add("b", ElementType.U8, List.of(1L), MemorySegment.ofArray(new byte[] {7}))
        .add("a", ElementType.U8, List.of(), MemorySegment.ofArray(new byte[] {6}))
        .add("z", ElementType.F32, List.of(1L), MemorySegment.ofArray(new float[] {1f}))
        .write(file);
    String header =
        "{\"z\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            + "\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[4,5]},"
            + "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,6]}}";
    byte[] wanted = RawFile.of(header + " ".repeat((8 - header.length() % 8) % 8), 6);
    wanted[wanted.length - 4] = (byte) 0x80;
    wanted[wanted.length - 3] = 0x3f;
    wanted[wanted.length - 2] = 6;
    wanted[wanted.length - 1] = 7;
    assertThat(Files.readAllBytes(file)).isEqualTo(wanted);
  }

  @Test
  void tensorsLargerThanTheBufferAreStreamed() throws IOException {
    Path first = dir.resolve("first");
    Path second = dir.resolve("second");
    byte[] data = randomBytes(3_000_001, 5);
    new SafetensorsWriter()
        .add("t", ElementType.I8, List.of(3_000_001L), MemorySegment.ofArray(data))
        .write(first);
    try (Arena arena = Arena.ofConfined()) {
      StoredTensor stored = SafetensorsFile.open(first, arena).tensors().get("t");
      assertThat(stored.data().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(data);
      new SafetensorsWriter().add(stored).write(second);
    }
    assertThat(Files.mismatch(first, second)).isEqualTo(-1);
  }

  @Test
  void aFailureLeavesTheFileAsItWas() throws IOException {
    Path file = RawFile.writeSmall(dir.resolve("x"), "old");
    byte[] before = Files.readAllBytes(file);
    Map<String, TensorContent> contents =
        Map.of(
            "expected 4 bytes of content, found 3", out -> out.write(ByteBuffer.allocate(3)),
            "expected 4 bytes of content, found more", out -> out.write(ByteBuffer.allocate(5)),
            "disk gone",
                out -> {
                  throw new IOException("disk gone");
                });
    contents.forEach((message, content) ->
        assertThatThrownBy(() ->
                new SafetensorsWriter().add("t", ElementType.F32, List.of(1L), content).write(file))
            .isInstanceOf(IOException.class)
            .hasMessageContaining(message));
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
    assertThat(namesInDir()).containsExactly("x");
  }

  @Test
  void whatCouldNotBeReadBackIsNotTaken() {
    MemorySegment one = MemorySegment.ofArray(new byte[1]);
    SafetensorsWriter writer = new SafetensorsWriter();
    writer.add("t", ElementType.U8, List.of(1L), one);
    assertThatThrownBy(() -> writer.add("t", ElementType.U8, List.of(1L), one))
        .hasMessageContaining("two tensors named \"t\"");
    assertThatThrownBy(() -> writer.add("__metadata__", ElementType.U8, List.of(1L), one))
        .hasMessageContaining("reserved");
    assertThatThrownBy(() -> writer.add("\ud800", ElementType.U8, List.of(1L), one))
        .hasMessageContaining("lone surrogate");
    assertThatThrownBy(() -> writer.metadata("k", "\udc00")).hasMessageContaining("surrogate");
    assertThatThrownBy(() -> writer.add("u", ElementType.F32, List.of(1L), one))
        .hasMessageContaining("takes 4 bytes, its data has 1");
    List<Long> deep = java.util.Collections.nCopies(65, 1L);
    assertThatThrownBy(() -> writer.add("u", ElementType.U8, deep, one))
        .hasMessageContaining("65 dimensions");
  }
}
