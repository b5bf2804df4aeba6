package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.SamplingParams;
import io.vquant.engine.chat.AnswerSettings;
import io.vquant.engine.chat.Conversation;
import io.vquant.engine.chat.PromptFormat;
import io.vquant.tokenizer.chat.ChatMessage;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.ChatTokenizer;
import io.vquant.tokenizer.chat.jinja.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code chat}: a conversation in a terminal, or line by line over pipes. */
@Command(
    description =
        "Talks with a model. The conversation stays in the KV cache: only what is new goes through"
            + " the model. Without a terminal it reads a message a line.",
    footer = {
      "",
      "PROMPT (or --prompt, --file) is said first. In the chat /help lists what it can do:",
      "/clear /regen /undo /set /kv /stats /save /load /attn /exit. With --seed each answer's",
      "seed follows from it. Typed lines are remembered in $VQUANT_STATE/chat-history, else",
      "below $XDG_STATE_HOME/vquant or ~/.local/state/vquant. NO_COLOR turns colours off.",
      "",
      "Examples:",
      "  chat",
      "  chat -m path/to/model --system \"Answer in one sentence.\" --temp 0.5",
      "  printf 'My name is Zorvina.\\nWhat is my name?\\n' | java -jar vquant-engine.jar chat"
    })
final class ChatCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private PromptOptions prompt;
  @Mixin private SamplingOptions sampling;
  @Mixin private AnswerOptions answerOptions;
  @Mixin private OutputOptions output;
  @Mixin private CacheFiles cacheFiles;

  ChatCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    prompt = new PromptOptions();
    sampling = new SamplingOptions();
    answerOptions = new AnswerOptions();
    output = new OutputOptions();
    cacheFiles = new CacheFiles();
  }

  @Override
  public Integer call() {
    model.check();
    sampling.check();
    cacheFiles.check();
    answerOptions.check();
    String first = prompt.readIfGiven();
    try (Engine engine = model.open(context, output, true);
        Conversation conversation = new Conversation(engine, format(engine), frame())) {
      cacheFiles.load(conversation.session());
      ChatSettings settings =
          new ChatSettings(settings(sampling.over(engine.generationDefaults().sampling())));
      try (ChatScreen screen = screen()) {
        greet(engine, screen);
        ChatFigures figures = new ChatFigures(engine, conversation);
        ChatAnswers answers =
            new ChatAnswers(context, output, screen, conversation, settings, figures);
        ChatActions actions =
            new ChatActions(
                screen,
                conversation,
                answers,
                settings,
                figures,
                new ChatAttention(engine, conversation, model.modelName()));
        int exitCode = new ChatLoop(context.interruption(), screen, answers, actions).run(first);
        cacheFiles.save(conversation.session());
        return exitCode;
      }
    } catch (TemplateException e) {
      throw CommandFailure.badModel(
          model.folder(context) + ": the chat template cannot be used: " + e.getMessage());
    }
  }

  private AnswerSettings settings(SamplingParams params) {
    return new AnswerSettings(
        params, answerOptions.maxTokens(), answerOptions.stopStrings(), answerOptions.ignoresEos());
  }

  private PromptFormat format(Engine engine) {
    if (prompt.raw()) {
      return PromptFormat.raw(engine.tokenizer());
    }
    ChatTokenizer chat = ChatTokenizer.of(engine.tokenizer(), model.folder(context));
    if (chat.templates().names().isEmpty()) {
      throw CommandFailure.badInput(
          model.modelName()
              + " has no chat template: --raw joins messages and answers without one");
    }
    return PromptFormat.ofTemplate(chat);
  }

  private ChatRequest frame() {
    String system = prompt.system();
    return ChatRequest.of(system == null ? List.of() : List.of(ChatMessage.system(system)));
  }

  private ChatScreen screen() {
    boolean notes = !output.quiet();
    if (!Console.inputIsTerminal() || !Console.outputIsTerminal()) {
      return new PlainScreen(context.console(), context.interruption(), notes);
    }
    return new TerminalScreen(
        TerminalScreen.ofProcess(),
        context.interruption(),
        history(),
        ChatActions.NAMES,
        TerminalScreen.colours(context.environment()),
        notes);
  }

  private @Nullable Path history() {
    Path home = Path.of(System.getProperty("user.home", "/"));
    try {
      Path file = StateFolder.privateFile(context.environment(), home, "chat-history");
      if (MessageHistory.putAsideIfDamaged(file)) {
        context.console().message("history: " + file + " was damaged and is put aside");
        file = StateFolder.privateFile(context.environment(), home, "chat-history");
      }
      return file;
    } catch (IOException e) {
      context.console().message("history is not kept: " + e.getMessage());
      return null;
    }
  }

  private void greet(Engine engine, ChatScreen screen) {
    if (output.debug()) {
      engine.notices().forEach(notice -> screen.note("notice: " + notice));
      screen.note("defaults: " + engine.generationDefaults());
    }
    DeviceChoice choice = model.deviceChoice();
    if (choice.isAutomatic()) {
      screen.note(choice.describe());
    }
    if (screen.isInteractive()) {
      screen.note(
          String.format(
              "%s on %s, context of %d tokens, KV cache in %s; /help lists commands, Ctrl-D leaves",
              model.modelName(), engine.device(), engine.contextLength(), engine.kvPolicy()));
    }
  }
}
