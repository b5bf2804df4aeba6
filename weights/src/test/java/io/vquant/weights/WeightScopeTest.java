package io.vquant.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class WeightScopeTest {
  private static final Path DIR = Path.of("some-model");

  private static WeightStore store(String... names) {
    return new WeightStore(DIR, Stream.of(names).map(WeightScopeTest::tensor).toList());
  }

  private static StoredTensor tensor(String name) {
    MemorySegment data = MemorySegment.ofArray(new byte[2]);
    return new StoredTensor(name, ElementType.U8, List.of(2L), data, DIR.resolve("f"), 0);
  }

  @Test
  void scopesReadBelowTheirPrefixAndShareWhatWasRead() {
    WeightScope root =
        WeightScope.of(store("model.layers.3.q", "model.layers.3.k", "model.layers.30.q", "head"));
    WeightScope layer = root.child("model").child("layers").child(3);

    assertThat(layer.prefix()).isEqualTo("model.layers.3.");
    assertThat(layer.get("q").name()).isEqualTo("model.layers.3.q");
    assertThat(layer.find("bias")).isEmpty();
    assertThat(layer.contains("k")).isTrue();
    assertThat(layer.contains("v")).isFalse();

    assertThat(layer.unread()).containsExactly("model.layers.3.k");
    assertThat(root.unread()).containsExactly("head", "model.layers.3.k", "model.layers.30.q");
    assertThat(root.child("model.layers").child(3).find("k")).isPresent();
    assertThat(layer.unread()).isEmpty();
    assertThat(root.child("model").child("layers").child(30).unread()).hasSize(1);
  }

  @Test
  void anAbsentTensorIsRefusedByItsFullName() {
    WeightScope layer = WeightScope.of(store("a.b", "a.c")).child("a");
    assertThatThrownBy(() -> layer.get("d"))
        .isInstanceOfSatisfying(
            MalformedCheckpointException.class,
            refusal -> {
              assertThat(refusal.tensor()).isEqualTo("a.d");
              assertThat(refusal.file()).isEqualTo(DIR);
              assertThat(refusal)
                  .hasMessage(
                      "some-model: tensor \"a.d\": expected a tensor of this name, found none among"
                          + " the 2 that are stored");
            });
    assertThat(layer.unread()).hasSize(2);
  }

  @Test
  void aStoreKnowsItsNamesBytesAndFiles() {
    WeightStore store = store("b", "a");
    assertThat(store.names()).containsExactly("a", "b");
    assertThat(store.tensors()).extracting(StoredTensor::name).containsExactly("a", "b");
    assertThat(store.byteSize()).isEqualTo(4);
    assertThat(store.files()).containsExactly(DIR.resolve("f"));
    assertThat(store.find("a")).isPresent();
    assertThat(store.find("c")).isEmpty();
    assertThatThrownBy(() -> store("a", "a")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> store.names().remove("a"))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void messagesStayOnOneLineWhateverTheNamesAre() {
    String name = "a\nb\r\u2028\u001b[31m\ud800" + "x".repeat(500);
    assertThatThrownBy(() -> store().get(name))
        .message()
        .hasLineCount(1)
        .hasSizeLessThan(400)
        .contains("a\\u000ab\\u000d\\u2028\\u001b[31m\\ud800xx");
  }
}
