package io.vquant.engine.cli;

import io.vquant.engine.chat.Conversation;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.jinja.TemplateException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** What is typed after a slash. */
final class ChatActions {
  /** The names, for completion. */
  static final List<String> NAMES =
      List.of(
          "/help", "/clear", "/regen", "/undo", "/set", "/kv", "/stats", "/save", "/load", "/attn",
          "/exit");

  /** One action; what follows its name is handed to it. */
  private record Action(String arguments, String description, Consumer<String> run) {}

  private final ChatScreen screen;
  private final Conversation conversation;
  private final ChatAnswers answers;
  private final ChatSettings settings;
  private final ChatFigures figures;
  private final ChatAttention attention;
  private final Map<String, Action> actions = new LinkedHashMap<>();
  private boolean leaving;

  ChatActions(
      ChatScreen screen,
      Conversation conversation,
      ChatAnswers answers,
      ChatSettings settings,
      ChatFigures figures,
      ChatAttention attention) {
    this.screen = screen;
    this.conversation = conversation;
    this.answers = answers;
    this.settings = settings;
    this.figures = figures;
    this.attention = attention;
    actions.put("/help", new Action("", "this text", _ -> help()));
    actions.put("/clear", new Action("", "forget the conversation", _ -> clear()));
    actions.put("/regen", new Action("", "answer the last message again", _ -> regenerate()));
    actions.put("/undo", new Action("", "take back the last message", _ -> undo()));
    actions.put("/set", new Action("[NAME VALUE]", "sampling: list, or change", this::set));
    actions.put("/kv", new Action("", "the KV cache: policy, memory, lines", _ -> kv()));
    actions.put("/stats", new Action("", "speed and memory so far", _ -> stats()));
    actions.put("/save", new Action("FILE", "write the messages as JSON", this::save));
    actions.put("/load", new Action("FILE", "go on with saved messages", this::load));
    actions.put(
        "/attn",
        new Action("[FILE.png] [LAYER [HEAD]]", "attention of the last answer", this::attention));
    actions.put("/exit", new Action("", "leave; so does Ctrl-D", _ -> leaving = true));
  }

  boolean isLeaving() {
    return leaving;
  }

  /**
   * Does what a line says.
   *
   * @param line begins with a slash
   * @throws CommandFailure if it cannot be done; the chat is as before
   */
  void run(String line) {
    String[] parts = line.strip().split("\\s+", 2);
    String arguments = parts.length == 1 ? "" : parts[1];
    Action action = actions.get(parts[0]);
    if (action == null) {
      throw CommandFailure.badInput(
          "unknown command "
              + parts[0]
              + ": "
              + Suggestion.of(parts[0], NAMES)
              + " (a message may begin with // to mean /)");
    }
    if (action.arguments.isEmpty() && !arguments.isEmpty()) {
      throw CommandFailure.badInput(parts[0] + " " + arguments + ": expected nothing after it");
    }
    action.run.accept(arguments);
  }

  private void help() {
    StringBuilder text = new StringBuilder();
    actions.forEach((name, action) ->
        text.append(
            String.format("  %-32s %s%n", name + " " + action.arguments, action.description)));
    text.append(
        """
          A backslash at the end of a line continues the message on the next one; so does
          three double quotes at its beginning, up to three at the end of a line. A message
          that begins with // is sent with one slash.
          Ctrl-C stops an answer, which stays as far as it came; twice, it leaves.
        """);
    screen.show(text.toString());
  }

  private void clear() {
    conversation.clear();
    screen.note("the conversation is forgotten");
  }

  private void regenerate() {
    answers.regenerate();
  }

  private void undo() {
    var message =
        conversation
            .undo()
            .orElseThrow(() -> CommandFailure.badInput("/undo: there is nothing to take back"));
    screen.note("taken back: " + shortened(String.valueOf(message.content())));
  }

  private static String shortened(String text) {
    String line = Console.oneLine(text);
    return line.codePointCount(0, line.length()) <= 60
        ? line
        : line.substring(0, line.offsetByCodePoints(0, 60)) + "...";
  }

  private void set(String arguments) {
    if (arguments.isEmpty()) {
      screen.show(settings.list());
      return;
    }
    String[] parts = arguments.split("[\\s=]+", 2);
    if (parts.length == 1) {
      throw CommandFailure.badInput("/set " + arguments + ": expected NAME VALUE");
    }
    screen.note(settings.change(parts[0], parts[1]));
  }

  private void kv() {
    screen.show(figures.kv());
  }

  private void stats() {
    screen.show(figures.stats());
  }

  private void save(String name) {
    Path file = AtomicFile.named("/save", name);
    ChatRequest chat = conversation.saved();
    SavedChat.write("/save", file, chat);
    screen.note("saved " + chat.messages().size() + " messages to " + file);
  }

  private void load(String name) {
    Path file = AtomicFile.named("/load", name);
    ChatRequest chat = SavedChat.read(file);
    try {
      conversation.load(chat);
    } catch (TemplateException e) {
      throw CommandFailure.badInput(file + ": the chat template refuses it: " + e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.badInput(file + ": " + e.getMessage(), e);
    }
    boolean open = conversation.exchangeCount() > 0 && !conversation.isAnswered();
    screen.note(
        "loaded "
            + chat.messages().size()
            + " messages"
            + (open ? "; the last one has no answer, /regen makes one" : ""));
  }

  private void attention(String arguments) {
    try {
      screen.show(attention.run(arguments, answers::isStopped));
    } catch (ChatAttention.StoppedException e) {
      screen.note("stopped");
    }
  }
}
