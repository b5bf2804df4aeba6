package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.GenerationResult;
import io.vquant.engine.GenerationSession;
import io.vquant.engine.InvalidPromptException;
import io.vquant.engine.SamplingParams;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code generate}: streams an answer to a prompt. */
@Command(
    description =
        "Streams an answer to a prompt. The model's chat template is applied when it has"
            + " one; --raw continues the text as it is.",
    footer = {
      "",
      "Examples:",
      "  generate \"Tell me a story about a brave fox.\"",
      "  generate -m path/to/model --temp 0 -n 100 -f question.txt",
      "  echo \"Count to 12.\" | java -jar vquant-engine.jar generate --json"
    })
final class GenerateCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private PromptOptions prompt;
  @Mixin private SamplingOptions sampling;
  @Mixin private AnswerOptions answers;
  @Mixin private OutputOptions output;
  @Mixin private CacheFiles cacheFiles;

  @Option(names = "--json", description = "one JSON object in place of text")
  private boolean json;

  GenerateCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    prompt = new PromptOptions();
    sampling = new SamplingOptions();
    answers = new AnswerOptions();
    output = new OutputOptions();
    cacheFiles = new CacheFiles();
  }

  /** What this command knows of plain lines. */
  PlainLine plainLine() {
    PlainLine line = new PlainLine();
    model.addTo(line);
    prompt.addTo(line);
    sampling.addTo(line);
    answers.addTo(line);
    output.addTo(line);
    line.flag(() -> json = true, "--json");
    return line;
  }

  @Override
  public Integer call() {
    model.check();
    sampling.check();
    cacheFiles.check();
    answers.check();
    String text = prompt.read(context.console());
    InputText.requireWellFormed(text, "prompt");
    long startNanos = System.nanoTime();
    try (Engine engine = model.open(context, output, true)) {
      double loadMillis = (System.nanoTime() - startNanos) / 1e6;
      SamplingParams params = sampling.over(engine.generationDefaults().sampling());
      int[] promptIds = new PromptEncoder(engine, model.folder(context)).encode(text, prompt);
      requireRoom(promptIds.length, engine.contextLength());
      debug(engine, params);
      try (GenerationSession session = engine.newSession()) {
        cacheFiles.load(session);
        context.interruption().onRequest(session::cancel);
        GenerationReport report =
            new GenerationReport(context, output, json, model, session, promptIds.length);
        GenerationResult result =
            session.generate(answers.request(promptIds, params), report.listener());
        report.finish(engine, promptIds, result, loadMillis);
        cacheFiles.save(session);
      }
    }
    return ExitCode.DONE;
  }

  /** The session would refuse it too, but only after telling which device runs it. */
  private static void requireRoom(int promptTokens, int contextLength) {
    if (promptTokens >= contextLength) {
      throw new InvalidPromptException(
          "the prompt has "
              + promptTokens
              + " tokens: expected at most "
              + (contextLength - 1)
              + ", one less than the context of "
              + contextLength);
    }
  }

  private void debug(Engine engine, SamplingParams params) {
    if (output.debug()) {
      engine.notices().forEach(notice -> context.console().message("notice: " + notice));
      context.console().message("defaults: " + engine.generationDefaults());
      context.console().message("sampling: " + params);
      context.console().message("attention: " + model.attentionKind());
    }
  }
}
