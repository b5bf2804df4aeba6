package io.vquant.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.vquant.engine.SamplingParams;
import io.vquant.engine.chat.AnswerSettings;
import io.vquant.engine.chat.ChatModel;
import io.vquant.engine.chat.Conversation;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The chat's loop in this process: typed into a terminal without a device, and over pipes. */
class ChatLoopTest {
  private static final String PROMPT = "> ";
  private static ChatModel model;
  @TempDir private Path temp;

  @BeforeAll
  static void open() {
    model = ChatModel.open("auto", 1024);
  }

  @AfterAll
  static void close() {
    if (model != null) {
      model.close();
    }
  }

  /** Runs a chat to its end. */
  private static int run(
      CommandContext context, ChatScreen screen, AnswerSettings settings, String first) {
    try (Conversation conversation = model.conversation();
        screen) {
      OutputOptions output = new OutputOptions();
      ChatSettings current = new ChatSettings(settings);
      ChatFigures figures = new ChatFigures(model.engine(), conversation);
      ChatAnswers answers =
          new ChatAnswers(context, output, screen, conversation, current, figures);
      ChatAttention attention = new ChatAttention(model.engine(), conversation, "tiny");
      ChatActions actions =
          new ChatActions(screen, conversation, answers, current, figures, attention);
      return new ChatLoop(context.interruption(), screen, answers, actions).run(first);
    }
  }

  private static AnswerSettings greedy() {
    return AnswerSettings.of(SamplingParams.greedy());
  }

  private record Outcome(int exitCode, String out, String err) {}

  private static Outcome piped(String lines) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            new ByteArrayInputStream(lines.getBytes(StandardCharsets.UTF_8)),
            new TextOutput(out),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    CommandContext context = new CommandContext(console, new Interruption(), Map.of());
    PlainScreen screen = new PlainScreen(console, context.interruption(), true);
    int exitCode = run(context, screen, greedy(), null);
    return new Outcome(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void linesAreMessagesAndAnswersGoToStdout() {
    Outcome outcome = piped("My name is Zorvina.\r\n\nCount to 12.\nWhat is my name?");
    assertThat(outcome.exitCode).isZero();
    assertThat(outcome.out.lines())
        .hasSize(3)
        .satisfiesExactly(
            line -> assertThat(line).contains("Zorvina"),
            line -> assertThat(line).isEqualTo("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12."),
            line -> assertThat(line).contains("Zorvina"));
    assertThat(outcome.err.lines())
        .hasSize(3)
        .allMatch(line -> line.matches("\\d+ tokens at .* t/s; prompt \\d+ new at .* KV cache .*"));
    assertThat(outcome.out).doesNotContain("\u001b");
  }

  @Test
  void everyCommandOverPipes() throws IOException {
    Path saved = temp.resolve("a chat.json");
    Path picture = temp.resolve("map 1.png");
    Outcome outcome =
        piped(
            String.join(
                "\n",
                "/help",
                "My name is Zorvina.",
                "Count to 12.",
                "/undo",
                "/set top-k 5",
                "/set",
                "/save " + saved,
                "/clear",
                "What is my name?",
                "/load " + saved,
                "What is my name?",
                "/kv",
                "/stats",
                "/attn 2 1",
                "/attn " + picture + " 2",
                "/regen",
                "/exit",
                "never said"));
    assertThat(outcome.exitCode).as(outcome.err).isZero();
    for (String name : ChatActions.NAMES) {
      assertThat(outcome.out).contains("  " + name);
    }
    assertThat(outcome.out)
        .contains("  top-k              5")
        .contains("policy             k8v4")
        .contains("tokens             ")
        .contains("layer 7            k8v4")
        .contains("prompt tokens      ")
        .contains("tiny, layer 2")
        .contains("head 1 (KV head 0)")
        .contains("map 1.png: layer 2, head 0, ");
    assertThat(outcome.err)
        .contains("taken back: Count to 12.")
        .contains("saved 2 messages to " + saved)
        .contains("the conversation is forgotten")
        .contains("loaded 2 messages\n")
        .contains("top-k 5\n")
        .contains("temperature is 0");
    assertThat(outcome.out.lines().filter(line -> line.contains("Your name is Zorvina.")))
        .as("answered, and answered again")
        .hasSize(2);
    assertThat(ChatFile.parse("saved", Files.readString(saved), false).messages()).hasSize(2);
    assertThat(Files.readAllBytes(picture)).startsWith(0x89, 'P', 'N', 'G');
    assertThat(temp.toFile().list()).containsExactlyInAnyOrder("a chat.json", "map 1.png");
  }

  @Test
  void failuresAreOneLineAndTheChatGoesOn() throws IOException {
    Path damaged = Files.writeString(temp.resolve("damaged.json"), "[{\"role\":\"user\"");
    Path half =
        Files.writeString(
            temp.resolve("half.json"), "[{\"role\":\"user\",\"content\":\"\\ud83d\"}]");
    String[][] cases = {
      {"/nothing", "unknown command /nothing"},
      {"/hepl", "did you mean '/help'?"},
      {"/undo", "/undo: there is nothing to take back"},
      {"/regen", "/regen: nothing has been said yet"},
      {"/attn", "/attn: no answer has been made here yet"},
      {"/attn x.jpg", "expected /attn [FILE.png] [LAYER [HEAD]]"},
      {"/attn 99", "/attn: layer 99: expected 0 to 7"},
      {"/set temp warm", "/set temp warm: expected a number"},
      {"/set temp -1", "/set temp -1: expected a number of 0 (greedy) or more"},
      {"/set tmp 1", "did you mean 'temp'?"},
      {"/set temp", "/set temp: expected NAME VALUE"},
      {"/set max-tokens 0", "/set max-tokens 0: expected 1 or more, or -1 (to the end)"},
      {"/save", "/save: expected a file name"},
      {"/save " + temp, "a folder, expected a file"},
      {"/save " + temp.resolve("no/such/x.json"), "cannot be written"},
      {"/load " + temp.resolve("none.json"), "none.json: no such file"},
      {"/load " + damaged, "damaged.json: not JSON at line 1"},
      {"/load " + half, "half a character"},
      {"/clear now", "/clear now: expected nothing after it"},
    };
    for (String[] one : cases) {
      Outcome outcome = piped(one[0] + "\n/exit\n");
      assertThat(outcome.err.lines()).as(one[0]).hasSize(1);
      assertThat(outcome.err).as(one[0]).startsWith("vquant: ").contains(one[1]);
      assertThat(outcome.exitCode).as(one[0]).isEqualTo(ExitCode.BAD_INPUT);
      assertThat(outcome.out).as(one[0]).isEmpty();
    }
    Outcome outcome = piped("/nothing\nMy name is Zorvina.\n" + "word ".repeat(2000) + "\n/undo\n");
    assertThat(outcome.out).contains("Zorvina");
    assertThat(outcome.err)
        .contains("this message alone makes a prompt of ")
        .contains("taken back: My name is Zorvina.");
  }

  @Test
  void messagesOfSeveralLinesAndSlashes() throws IOException {
    Path saved = temp.resolve("chat.json");
    piped(
        """
        /set max-tokens 1
        one\\
        two
        \"""
        /three
        four\"""
        //five
        /save %s
        """
            .formatted(saved));
    assertThat(ChatFile.parse("saved", Files.readString(saved), false).messages())
        .filteredOn(message -> message.role().equals("user"))
        .extracting(message -> message.content())
        .containsExactly("one\ntwo", "/three\nfour", "/five");
  }

  @Test
  void bytesThatAreNotTextAreRefusedByLine() {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[] {'a', '\n', (byte) 0xff, '\n'}),
            new TextOutput(out),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    PlainScreen screen = new PlainScreen(console, new Interruption(), true);
    assertThat(screen.readLine("")).isEqualTo("a");
    assertThat(
            org.junit.jupiter.api.Assertions.assertThrows(
                CommandFailure.class, () -> screen.readLine("")))
        .hasMessage("stdin, line 2: not UTF-8: byte 0xff at offset 0");
    assertThat(screen.readLine("")).isNull();
  }

  /** A chat that is typed into a terminal. */
  private CompletableFuture<Integer> typed(TypedTerminal typed, Path history, boolean colours) {
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[0]),
            new TextOutput(new ByteArrayOutputStream()),
            new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8));
    return CompletableFuture.supplyAsync(
        () -> {
          CommandContext context = new CommandContext(console, new Interruption(), Map.of());
          TerminalScreen screen =
              new TerminalScreen(
                  typed.terminal(),
                  context.interruption(),
                  history,
                  ChatActions.NAMES,
                  colours,
                  true);
          return run(context, screen, greedy(), null);
        },
        task -> Thread.ofPlatform().daemon().start(task));
  }

  @Test
  void aTypedChatWithHistoryPasteAndCompletion() throws IOException {
    Path history =
        StateFolder.privateFile(Map.of("VQUANT_STATE", temp + "/state"), temp, "chat-history");
    TypedTerminal typed = new TypedTerminal();
    CompletableFuture<Integer> chat = typed(typed, history, true);
    typed.await(PROMPT).type("My name is Zorvina.\r").await("meet you").await("t/s").await(PROMPT);
    typed.type("/sta\t\r").await("decoded tokens").await(PROMPT);
    typed.type("/set max-tokens 3\r").await("max-tokens 3").await(PROMPT);
    typed.type("\u001b[200~two\nlines\u001b[201~\r").await("ended by max-tokens").await(PROMPT);
    typed.type("\u001bOA\r").await("ended by max-tokens").await(PROMPT);
    typed.type("/save " + temp.resolve("typed.json") + "\r").await("saved 6 messages");
    typed.await(PROMPT).type("\004");
    assertThat(chat.join()).isZero();
    assertThat(
            ChatFile.parse("saved", Files.readString(temp.resolve("typed.json")), false).messages())
        .filteredOn(message -> message.role().equals("user"))
        .extracting(message -> message.content())
        .containsExactly("My name is Zorvina.", "two\nlines", "two\nlines");
    assertThat(typed.shown()).contains("\u001b[2m");
    assertThat(Files.getPosixFilePermissions(history)).hasSize(2);
    assertThat(Files.getPosixFilePermissions(history.getParent())).hasSize(3);
    assertThat(Files.readAllLines(history)).anyMatch(line -> line.endsWith(":My name is Zorvina."));
    assertThat(MessageHistory.putAsideIfDamaged(history)).isFalse();
  }

  @Test
  void interruptsStopAnAnswerThenLeave() throws IOException {
    TypedTerminal typed = new TypedTerminal();
    CompletableFuture<Integer> chat = typed(typed, null, false);
    typed.await(PROMPT).type("Tell me a story about a brave fox who wants to learn to swim.\r");
    typed.await("Once").type("\003").await("; stopped").await(PROMPT);
    typed.type("/stats\r").await("answers            1").await(PROMPT);
    typed.type("\003").await("Ctrl-C again leaves").await(PROMPT).type("\003");
    assertThat(chat.join()).isEqualTo(ExitCode.INTERRUPTED);
    assertThat(typed.shown()).as("no colours").doesNotContain("\u001b[2m", "\u001b[1m");
  }

  @Test
  void anInterruptAfterTypingStartsTheCountAnew() throws IOException {
    TypedTerminal typed = new TypedTerminal();
    CompletableFuture<Integer> chat = typed(typed, null, false);
    typed.await(PROMPT).type("\003").await("again leaves").await(PROMPT);
    typed.type("half a line").await("half a line").type("\003").await("again leaves").await(PROMPT);
    typed.type("/exit\r");
    assertThat(chat.join()).isZero();
  }

  @Test
  void aDamagedHistoryIsPutAside() throws IOException {
    Path history = Files.writeString(temp.resolve("history"), "no time before this\n");
    assertThat(MessageHistory.putAsideIfDamaged(history)).isTrue();
    assertThat(history).doesNotExist();
    assertThat(temp.resolve("history.damaged")).exists();
    Files.write(history, new byte[] {'1', ':', (byte) 0xff, '\n'});
    assertThat(MessageHistory.putAsideIfDamaged(history)).isTrue();
  }

  @Test
  void whereStateIsKept() {
    Path home = Path.of("/home/user");
    assertThat(StateFolder.path(Map.of(), home)).isEqualTo(home.resolve(".local/state/vquant"));
    assertThat(StateFolder.path(Map.of("XDG_STATE_HOME", "/s"), home))
        .isEqualTo(Path.of("/s/vquant"));
    assertThat(StateFolder.path(Map.of("XDG_STATE_HOME", "relative"), home))
        .isEqualTo(home.resolve(".local/state/vquant"));
    assertThat(StateFolder.path(Map.of("VQUANT_STATE", "/v", "XDG_STATE_HOME", "/s"), home))
        .isEqualTo(Path.of("/v"));
  }
}
