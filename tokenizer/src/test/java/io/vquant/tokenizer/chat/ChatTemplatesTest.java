package io.vquant.tokenizer.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vquant.tokenizer.MalformedTokenizerException;
import io.vquant.tokenizer.TokenizerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where templates come from, and which one is chosen. */
class ChatTemplatesTest {
  @TempDir Path dir;

  @Test
  void aStringIsTheDefault() throws IOException {
    config("\"from config\"");
    assertThat(read().choose(null, false).source()).isEqualTo("from config");
    assertThat(read().choose(null, true).source()).isEqualTo("from config");
    assertThat(read().names()).containsExactly("default");
  }

  @Test
  void namedOnesAreChosenAsTransformersDoes() throws IOException {
    config(
        "[{\"name\":\"default\",\"template\":\"d\"},{\"name\":\"tool_use\",\"template\":\"t\"},{\"name\":\"rag\",\"template\":\"r\"}]");
    assertThat(read().choose(null, false).source()).isEqualTo("d");
    assertThat(read().choose(null, true).source()).isEqualTo("t");
    assertThat(read().choose("rag", true).source()).isEqualTo("r");
    assertThatThrownBy(() -> read().choose("other", false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("chat template 'other': the model has default, rag, tool_use");
  }

  @Test
  void filesWinOverTheConfiguration() throws IOException {
    config("[{\"name\":\"default\",\"template\":\"d\"},{\"name\":\"rag\",\"template\":\"r\"}]");
    Files.writeString(dir.resolve("chat_template.jinja"), "from file\n");
    Files.createDirectory(dir.resolve("additional_chat_templates"));
    Files.writeString(dir.resolve("additional_chat_templates/tool_use.jinja"), "tools");
    assertThat(read().names()).containsExactlyInAnyOrder("default", "tool_use");
    assertThat(read().choose(null, false).source()).isEqualTo("from file\n");
    assertThat(read().choose(null, true).source()).isEqualTo("tools");
  }

  @Test
  void theOlderFileIsTheLastResort() throws IOException {
    Files.writeString(dir.resolve("chat_template.json"), "{\"chat_template\": \"old\"}");
    assertThat(read().choose(null, false).source()).isEqualTo("old");
    config("\"from config\"");
    assertThat(read().choose(null, false).source()).isEqualTo("from config");
  }

  @Test
  void aModelWithoutTemplatesSaysSo() {
    assertThat(read().names()).isEmpty();
    assertThatThrownBy(() -> read().choose(null, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("chat template 'default': the model has no chat template");
  }

  @ParameterizedTest
  @ValueSource(strings = {"7", "[7]", "[{\"name\":\"x\"}]", "{\"default\":[]}"})
  void refusesWhatIsNoTemplate(String value) throws IOException {
    config(value);
    assertThatThrownBy(this::read)
        .isInstanceOf(MalformedTokenizerException.class)
        .hasMessageContaining("tokenizer_config.json: chat_template")
        .hasMessageNotContaining("\n");
  }

  private ChatTemplates read() {
    return ChatTemplates.read(dir, TokenizerSettings.read(dir));
  }

  private void config(String chatTemplate) throws IOException {
    Files.writeString(
        dir.resolve("tokenizer_config.json"), "{\"chat_template\": %s}".formatted(chatTemplate));
  }
}
