package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code chat} through the jar: over pipes, and in a real terminal that {@code script} makes. */
final class ChatIT {
  private static final String STORY =
      "Tell me a story about a brave fox who wants to learn to swim.";
  @TempDir private Path temp;

  private static Cli.Outcome piped(String lines, String... args) {
    String[] all = new String[args.length + 3];
    all[0] = "chat";
    all[1] = "--temp";
    all[2] = "0";
    System.arraycopy(args, 0, all, 3, args.length);
    return Cli.computing().runWithInput(lines.getBytes(StandardCharsets.UTF_8), all);
  }

  /** What the bundled model is for: told early, asked late, out of a cache of 4 bits. */
  @Test
  void aNameIsRecalledFromUnderStories() {
    Cli.Outcome outcome =
        piped(
                "My name is Zorvina.\n"
                    + STORY
                    + "\nTell me a story about a kind bear who lost her hat.\n"
                    + "What is my name?\n/kv\n",
                "--kv",
                "k4v4")
            .succeeds();
    assertThat(outcome.out()).contains("Your name is Zorvina.").contains("policy             k4v4");
    assertThat(outcome.err()).contains(" cached; context ").doesNotContain("vquant:");
    assertThat(outcome.err().lines().filter(line -> line.contains(" cached;")))
        .hasSize(4)
        .last()
        .asString()
        .as("the new message alone is computed")
        .containsPattern("prompt \\d\\d new .*, [3-9]\\d\\d cached");
  }

  @Test
  void optionsAreHonouredOrRefused() throws IOException {
    Path saved = temp.resolve("chat.json");
    piped("/save " + saved + "\n", "--system", "You tell stories.", "-n", "3", "--quiet", "Hi.")
        .succeeds();
    assertThat(ChatFile.parse("saved", Files.readString(saved), false).messages())
        .extracting(message -> message.role())
        .containsExactly("system", "user", "assistant");
    Cli.onThisJava().run("template", "--messages", saved.toString()).succeeds();
    piped("Count to 12.\n", "--stop", "4").succeeds();
    assertThat(piped("Count to 12.\n", "--stop", "4", "--quiet").succeeds().out())
        .isEqualTo("1, 2, 3, \n");
    assertThat(piped("Once upon a time\n", "--raw", "-n", "4", "--quiet").succeeds().out())
        .startsWith(", there was");
    Cli.onThisJava().run("chat", "-n", "0").failsWith(2, "--max-tokens 0");
    Cli.onThisJava().run("chat", "-f", "-").failsWith(2, "--file -");
    Cli.onThisJava().run("chat", "--json").failsWith(2, "--json");
    Cli.Outcome failed = piped("/load " + temp.resolve("none") + "\nCount to 12.\n");
    assertThat(failed.exitCode()).isEqualTo(4);
    assertThat(failed.out()).startsWith("1, 2, 3");
    assertThat(Cli.onThisJava().run("chat", "--help").succeeds().out())
        .contains("Examples:", "--system", "/regen", "--kv", "NO_COLOR");
  }

  @Test
  void aModelWithoutATemplateNeedsRaw() throws IOException {
    ModelFolder model = ModelFolder.complete(temp.resolve("model"));
    Path settings = Path.of(model.toString(), "tokenizer_config.json");
    Files.writeString(
        settings, Files.readString(settings).replace("\"chat_template\"", "\"no_template\""));
    Cli.onThisJava().run("chat", "-m", model.toString()).failsWith(4, "no chat template: --raw");
  }

  @Test
  void everyCommandInARealTerminal() throws Exception {
    try (PtyChat chat = new PtyChat(temp, "NO_COLOR=")) {
      chat.await("/help lists commands").prompt().type("/help\r").await("/exit").prompt();
      chat.type("My name is Zorvina.\r").await("Zorvina!").await("KV cache").prompt();
      chat.type("/set max-tokens 12\r").await("max-tokens 12").prompt();
      chat.type(STORY + "\r").await("ended by max-tokens").prompt();
      chat.type("/regen\r").await("the same").await("ended by max-tokens").prompt();
      chat.type("/undo\r").await("taken back: Tell me").prompt();
      chat.type("/set max-tokens -1\r").await("-1 (to the end)").prompt();
      chat.type("one \\\r").await(". ").type("two\r").await("t/s").prompt();
      chat.type("\"\"\"a\r").await(". ").type("b\"\"\"\r").await("t/s").prompt();
      chat.type("\u001b[200~pasted\nlines\u001b[201~\r").await("t/s").prompt();
      chat.type("/set temp 0\r").await("temp 0.0").prompt().type("/set\r").await("top-p").prompt();
      chat.type("/save a chat.json\r").await("saved 8 messages").prompt();
      chat.type("/clear\r").await("forgotten").prompt();
      chat.type("/load a chat.json\r").await("loaded 8 messages").prompt();
      chat.type("What is my name?\r").await("name is Zorvina").prompt();
      chat.type("/kv\r").await("effective bits").await("layer 7").prompt();
      chat.type("/stats\r").await("decoded tokens").prompt();
      chat.type("/attn map.png 3\r").await("map.png: layer 3, head 0").prompt();
      chat.type("/exit\r");
      assertThat(chat.exitCode()).isZero();
      assertThat(chat.shown()).contains("\u001b[2m");
    }
    assertThat(Files.readAllBytes(temp.resolve("map.png"))).startsWith(0x89, 'P', 'N', 'G');
    Path history = temp.resolve("state/chat-history");
    assertThat(Files.readAllLines(history))
        .anyMatch(line -> line.endsWith(":My name is Zorvina."))
        .anyMatch(line -> line.contains("pasted\\nlines"));
    assertThat(Files.getPosixFilePermissions(history)).hasSize(2);
    assertThat(ChatFile.parse("x", Files.readString(temp.resolve("a chat.json")), false).messages())
        .extracting(message -> message.content())
        .contains("one \ntwo", "a\nb", "pasted\nlines");
  }

  @Test
  void controlCInARealTerminal() throws Exception {
    try (PtyChat chat = new PtyChat(temp, "NO_COLOR=1")) {
      chat.prompt().type(STORY + "\r").await("Once").type("\003").await("; stopped").prompt();
      chat.type("Count to 12.\r").await("1, 2, 3").await("t/s").prompt();
      chat.type("\003").await("again leaves").prompt().type("\003");
      assertThat(chat.exitCode()).isEqualTo(130);
      assertThat(chat.shown()).doesNotContain("\u001b[2m", "\u001b[1m");
    }
  }

  @Test
  void controlDLeaves() throws Exception {
    try (PtyChat chat = new PtyChat(temp, "NO_COLOR=1")) {
      chat.prompt().type("\004");
      assertThat(chat.exitCode()).isZero();
    }
  }

  /** A chat in a terminal of its own. */
  private static final class PtyChat implements AutoCloseable {
    private static final long PATIENCE_NANOS = 90_000_000_000L;
    private final Process process;
    private final ByteArrayOutputStream screen = new ByteArrayOutputStream();
    private final Thread reader;
    private int seen;

    PtyChat(Path folder, String setting) throws IOException {
      assumeTrue(hasScript(), "no script from util-linux");
      String command =
          "stty rows 40 cols 120; exec '%s' -jar '%s' chat --temp 0 --no-progress"
              .formatted(
                  Path.of(System.getProperty("java.home"), "bin", "java"),
                  System.getProperty("vquant.test.jar"));
      ProcessBuilder builder =
          new ProcessBuilder("script", "-qec", command, "/dev/null")
              .directory(folder.toFile())
              .redirectErrorStream(true);
      for (String name : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
        builder.environment().remove(name);
      }
      builder.environment().put("VQUANT_CACHE", Cli.cacheFolder());
      builder.environment().put("VQUANT_STATE", folder.resolve("state").toString());
      builder.environment().put("TERM", "xterm");
      builder.environment().put("LC_ALL", "C.UTF-8");
      String[] parts = setting.split("=", 2);
      builder.environment().put(parts[0], parts[1]);
      process = builder.start();
      reader = Thread.ofPlatform().daemon().start(() -> read(process.getInputStream()));
    }

    private static boolean hasScript() {
      try {
        Process version =
            new ProcessBuilder("script", "--version").redirectErrorStream(true).start();
        String text = new String(version.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return version.waitFor() == 0 && text.contains("util-linux");
      } catch (IOException e) {
        return false;
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    private void read(InputStream stream) {
      byte[] buffer = new byte[4096];
      try {
        for (int count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
          screen.write(buffer, 0, count);
        }
      } catch (IOException e) {
        // the terminal is gone
      }
    }

    PtyChat type(String keys) {
      try {
        process.getOutputStream().write(keys.getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return this;
    }

    /** Waits for the prompt, when bracketed paste is switched on. */
    PtyChat prompt() throws InterruptedException {
      return await("\u001b[?2004h").await("> ");
    }

    PtyChat await(String text) throws InterruptedException {
      long deadline = System.nanoTime() + PATIENCE_NANOS;
      while (true) {
        int at = shown().indexOf(text, seen);
        if (at >= 0) {
          seen = at + text.length();
          return this;
        }
        if (System.nanoTime() > deadline || !(process.isAlive() || reader.isAlive())) {
          throw new AssertionError(
              "never shown: '"
                  + text
                  + "' after: "
                  + shown().substring(seen).replace('\u001b', '^'));
        }
        Thread.sleep(10);
      }
    }

    int exitCode() throws InterruptedException {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends; %s", shown()).isTrue();
      return process.exitValue();
    }

    String shown() {
      return screen.toString(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }
}
