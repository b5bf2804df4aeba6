package io.vquant.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Pulls from a hub on the loopback device: what comes, and what is there afterwards. */
class ModelPullTest extends HubFixture {

  @Test
  void onlyWhatIsNeededIsFetchedAndOnlyOnce() throws IOException {
    PulledModel pulled = pulls.run();
    pulls.requireComplete();
    try (Stream<Path> files = Files.list(pulls.target())) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "config.json",
              "generation_config.json",
              "tokenizer.json",
              "tokenizer_config.json",
              "chat_template.jinja",
              "model.safetensors.index.json",
              TestHub.SHARD_1,
              TestHub.SHARD_2,
              StagedModel.RECORD);
    }
    assertThat(pulled.files()).isEqualTo(8);
    assertThat(pulled.fetchedBytes()).isEqualTo(pulled.byteSize()).isGreaterThan(5_000_000);
    assertThat(pulled.commit()).isEqualTo(TestHub.COMMIT);
    assertThat(hub.paths()).hasSize(9).doesNotHaveDuplicates();
    assertThat(pulls.notices()).isEmpty();

    PulledModel again = pulls.run();
    assertThat(again.fetchedBytes()).isZero();
    assertThat(hub.paths()).as("the list of files alone").hasSize(10);
    assertThat(again.byteSize()).isEqualTo(pulled.byteSize());
  }

  @Test
  void aNewCommitReplacesTheFolderWhole() throws IOException {
    pulls.run();
    hub.commit("fedcba9876543210fedcba9876543210fedcba98");
    hub.large(TestHub.SHARD_1, TestHub.bytes(100_000, 9));
    hub.remove("chat_template.jinja");
    PulledModel pulled = pulls.run();
    assertThat(pulled.commit()).startsWith("fedcba");
    pulls.requireComplete();
    assertThat(pulls.target().resolve("chat_template.jinja")).doesNotExist();
  }

  @Test
  void aSingleFileOfWeights() throws IOException {
    hub.remove("model.safetensors.index.json");
    hub.large("model.safetensors", TestHub.bytes(70_000, 8));
    pulls.run();
    assertThat(Files.readAllBytes(pulls.target().resolve("model.safetensors")))
        .isEqualTo(hub.content("model.safetensors"));
    assertThat(pulls.target().resolve(TestHub.SHARD_1)).doesNotExist();
  }

  @Test
  void foreignFoldersAreNotReplaced() throws IOException {
    Files.createDirectories(pulls.target());
    pulls.run(); // an empty folder gives way
    pulls.requireComplete();
    Files.writeString(pulls.target().resolve(StagedModel.RECORD), "{\"model\":\"other/model\"}");
    assertThatThrownBy(pulls::run).hasMessageContaining("holds other files than a pulled org/tiny");
    Files.delete(pulls.target().resolve(StagedModel.RECORD));
    assertThatThrownBy(pulls::run).hasMessageContaining("holds other files");
    assertThat(pulls.target().resolve(TestHub.SHARD_1)).exists();
  }
}
