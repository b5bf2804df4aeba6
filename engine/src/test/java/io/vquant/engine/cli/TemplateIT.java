package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code template}: exact text for good chats, one line for bad ones. */
final class TemplateIT {
  private static final int BAD_INPUT = 4;
  @TempDir private Path temp;

  private static Cli.Outcome render(String chat, String... args) {
    String[] all = new String[args.length + 3];
    all[0] = "template";
    all[1] = "--messages";
    all[2] = "-";
    System.arraycopy(args, 0, all, 3, args.length);
    return Cli.onThisJava().runWithInput(chat.getBytes(StandardCharsets.UTF_8), all);
  }

  @Test
  void rendersToTheByte() {
    String chat = "[{\"role\":\"user\",\"content\":\"Grüß 世界\"}]";
    String user = "<|endoftext|><|im_start|>user\nGrüß 世界<|im_end|>\n";
    assertThat(render(chat).succeeds().out()).isEqualTo(user);
    assertThat(render(chat, "--add-generation-prompt").succeeds().out())
        .isEqualTo(user + "<|im_start|>assistant\n");
    assertThat(
            render("{\"messages\":" + chat + ",\"add_generation_prompt\":true}").succeeds().out())
        .isEqualTo(user + "<|im_start|>assistant\n");
  }

  @Test
  void anotherTemplateAndItsVariables() throws IOException {
    Path template =
        Files.writeString(temp.resolve("a b.jinja"), "{{ mood }}:{{ messages|length }}");
    String chat = "{\"messages\":[],\"mood\":\"calm\"}";
    assertThat(render(chat, "--template", template.toString()).succeeds().out())
        .isEqualTo("calm:0");
    Files.writeString(template, "{% if %}");
    render(chat, "--template", template.toString()).failsWith(BAD_INPUT, "a b.jinja", "line 1");
    Files.writeString(template, "{{ raise_exception('no\\nway') }}");
    render(chat, "--template", template.toString()).failsWith(BAD_INPUT, "refuses");
    Files.writeString(template, "{% for i in range(10**9) %}{{ i }}{% endfor %}");
    render(chat, "--template", template.toString()).failsWith(BAD_INPUT, "template");
  }

  @Test
  void badChats() {
    render("[{\"role\":\"user\"").failsWith(BAD_INPUT, "stdin: not JSON at line 1");
    render("{\"messages\":3}").failsWith(BAD_INPUT, "messages");
    render("[{\"role\":3,\"content\":\"\"}]").failsWith(BAD_INPUT, "messages[0].role");
    render("{\"messages\":[],\"tools\":3}").failsWith(BAD_INPUT, "tools");
    render("[".repeat(100_000)).failsWith(BAD_INPUT, "stdin");
  }
}
