package io.vquant.engine.cli;

import io.vquant.tokenizer.TokenizerSettings;
import io.vquant.tokenizer.chat.ChatRequest;
import io.vquant.tokenizer.chat.ChatTemplate;
import io.vquant.tokenizer.chat.ChatTemplates;
import io.vquant.tokenizer.chat.jinja.TemplateException;
import io.vquant.tokenizer.chat.jinja.TemplateRaisedException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code template}: a chat as the model reads it. */
@Command(
    description = "Renders a chat with the model's template, to the byte: no line break is added.",
    footer = {
      "",
      "FILE.json is a list of messages {\"role\", \"content\"}, or an object with messages and"
          + " perhaps tools, documents, add_generation_prompt and variables of the template.",
      "Examples:",
      "  template --messages chat.json --add-generation-prompt",
      "  template -m path/to/model --template other.jinja --messages -"
    })
final class TemplateCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelFolderOption folder;
  @Mixin private OutputOptions output;

  @Option(
      names = "--messages",
      required = true,
      paramLabel = "FILE.json",
      description = "the chat; - is stdin")
  private String messages = "";

  @Option(
      names = "--template",
      paramLabel = "FILE.jinja",
      description = "a template in place of the model's; special tokens stay the model's")
  private @Nullable String template;

  @Option(
      names = "--add-generation-prompt",
      description = "end where the assistant begins to speak")
  private boolean addGenerationPrompt;

  TemplateCommand(CommandContext context) {
    this.context = context;
    folder = new ModelFolderOption();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    ChatRequest request =
        ChatFile.parse(
            messages.equals("-") ? "stdin" : messages,
            InputText.ofFile(messages, context.console().in()),
            addGenerationPrompt);
    Path directory = folder.path(context);
    if (!java.nio.file.Files.isDirectory(directory)) {
      throw CommandFailure.badModel(directory + ": expected a model folder, found none");
    }
    ChatTemplate chosen = choose(directory, request.tools() != null);
    try {
      context.console().out().print(chosen.render(request).text());
    } catch (TemplateException e) {
      String verb = e instanceof TemplateRaisedException ? "refuses" : "fails on";
      throw CommandFailure.badInput("the template " + verb + " this chat: " + e.getMessage(), e);
    }
    if (output.debug()) {
      context.console().message("template: " + chosen.source().length() + " characters");
    }
    return ExitCode.DONE;
  }

  private ChatTemplate choose(Path directory, boolean hasTools) {
    TokenizerSettings settings = TokenizerSettings.read(directory);
    if (template != null) {
      String source = InputText.ofFile(template, context.console().in());
      try {
        return ChatTemplates.only(source, settings).choose(null, hasTools);
      } catch (TemplateException e) {
        throw CommandFailure.badInput(template + ": " + e.getMessage(), e);
      }
    }
    try {
      return ChatTemplates.read(directory, settings).choose(null, hasTools);
    } catch (TemplateException | IllegalArgumentException e) {
      throw CommandFailure.badModel(directory + ": " + e.getMessage());
    }
  }
}
