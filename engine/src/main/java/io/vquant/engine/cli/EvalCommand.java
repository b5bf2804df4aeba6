package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineLanguageModel;
import io.vquant.engine.ScoringListener;
import io.vquant.eval.EvalReport;
import io.vquant.eval.EvalResult;
import io.vquant.eval.EvalTask;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code eval}: tasks of lm-evaluation-harness's kind. */
@Command(
    description =
        "Asks a model the questions of tasks and judges its answers, as lm-evaluation-harness does:"
            + " its table on stdout, its results file with --output.",
    footer = {
      "",
      "Tasks and their data:",
      "  gsm8k            JSON lines with question and answer; 5 examples before each problem",
      "  lastword         any text; the last word of passages of 40 words or more",
      "  multiple_choice  JSON lines with question, choices and answer (number, letter or text)",
      "  rolling          any text; word and byte perplexity of its lines",
      "Examples:",
      "  eval -m path/to/model --tasks gsm8k --data gsm8k_test.jsonl --limit 100",
      "  eval --tasks lastword,rolling --data lastword=book.txt --data rolling=book.txt -o out.json"
    })
final class EvalCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private OutputOptions output;

  @Option(
      names = "--tasks",
      required = true,
      split = ",",
      paramLabel = "NAMES",
      description = "what to ask, one or more with commas")
  private List<String> tasks = new ArrayList<>();

  @Option(
      names = "--data",
      paramLabel = "[TASK=]FILE",
      description = "the task's data; a file alone is for every task that has none of its own")
  private List<String> data = new ArrayList<>();

  @Option(
      names = "--num-fewshot",
      paramLabel = "N",
      description = "examples before each question (default: gsm8k 5, multiple_choice 0)")
  private @Nullable Integer fewShot;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "only the first documents of each task (default: all)")
  private int limit = Integer.MAX_VALUE;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "write the results as lm-evaluation-harness does; replaced when it is there")
  private @Nullable String resultsFile;

  @Option(
      names = "--samples",
      paramLabel = "FILE",
      description = "write each question, answer and score, a JSON object a line")
  private @Nullable String samplesFile;

  @Option(names = "--json", description = "the results file on stdout in place of the table")
  private boolean json;

  EvalCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    model.check();
    if (limit < 1) {
      throw CommandFailure.usage("--limit " + limit + ": expected 1 or more");
    }
    if (fewShot != null && fewShot < 0) {
      throw CommandFailure.usage("--num-fewshot " + fewShot + ": expected 0 or more");
    }
    OptionalInt examples = fewShot == null ? OptionalInt.empty() : OptionalInt.of(fewShot);
    TaskChoice choice = new TaskChoice(tasks, data, examples);
    OutputFile results = OutputFile.of("--output", resultsFile);
    OutputFile samples = OutputFile.of("--samples", samplesFile);
    List<EvalTask> chosen = choice.open(context.console().in());
    long startNanos = System.nanoTime();
    try (Engine engine = model.open(context, output, true)) {
      List<EvalResult> done = ask(engine, chosen);
      if (done.isEmpty()) {
        throw new InterruptedCommandException();
      }
      model.tellDevice(context, output);
      boolean partial = context.interruption().isRequested();
      EvalOutput out =
          new EvalOutput(new EvalReport(done), model, engine, examples, limit, startNanos);
      samples.write(out.samples());
      results.write(out.json());
      context.console().out().print(json ? out.json() : out.text(partial)).flush();
      return partial ? ExitCode.INTERRUPTED : ExitCode.DONE;
    }
  }

  private List<EvalResult> ask(Engine engine, List<EvalTask> chosen) {
    context.interruption().onRequest(() -> {}); // the model's listener looks
    ScoringListener listener =
        new ScoringListener() {
          @Override
          public boolean cancelled() {
            return context.interruption().isRequested();
          }
        };
    List<EvalResult> done = new ArrayList<>();
    try (EngineLanguageModel languageModel = engine.newLanguageModel(listener)) {
      for (EvalTask task : chosen) {
        try (ProgressBar bar =
            ProgressBar.of(
                context.console().err(), task.profile().name(), "documents", System.nanoTime())) {
          EvalResult.run(task, languageModel, limit, (count, of) -> goesOn(bar, count, of))
              .ifPresent(done::add);
        }
      }
    } catch (ArithmeticException e) { // NaN or infinity among the logits
      throw CommandFailure.badModel(model.modelName() + ": " + e.getMessage());
    }
    return done;
  }

  private boolean goesOn(ProgressBar bar, int count, int of) {
    if (output.showsProgress()) {
      bar.update(count, of, System.nanoTime());
    }
    return !context.interruption().isRequested();
  }
}
