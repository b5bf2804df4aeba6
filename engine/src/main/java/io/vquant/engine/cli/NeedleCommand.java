package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.EngineNeedleModel;
import io.vquant.engine.ScoringListener;
import io.vquant.eval.ReportFormat;
import io.vquant.eval.needle.Haystack;
import io.vquant.eval.needle.NeedleGrid;
import io.vquant.eval.needle.NeedleReport;
import io.vquant.eval.needle.PassKeys;
import io.vquant.eval.plots.PngImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code needle}: whether a model finds what was hidden in a long text. */
@Command(
    description =
        "Hides a pass key in texts of several lengths at several depths and asks for it. Without"
            + " --haystack the text is simple stories, as the bundled model was trained on.",
    footer = {
      "",
      "The words, with a key of five digits:",
      "  The pass key is KEY. Remember it: KEY is the pass key.",
      "  What is the pass key? The pass key is",
      "With --keys N other doors' keys are hidden too, and one is asked for.",
      "Examples:",
      "  needle --lengths 1000,4000,8000 --trials 3 --png needle.png",
      "  needle -m path/to/model --haystack paul-graham --kv k4v4 --json"
    })
final class NeedleCommand implements Callable<Integer> {
  private static final int MAX_TRIALS = 10_000;
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private OutputOptions output;

  @Option(
      names = "--haystack",
      paramLabel = "DIR",
      description = "a folder of *.txt files, or one file (default: stories made up)")
  private @Nullable String haystack;

  @Option(
      names = "--lengths",
      split = ",",
      paramLabel = "N",
      description = "tokens of a prompt (default: 1000,2000,4000,8000)")
  private List<Integer> lengths = List.of(1000, 2000, 4000, 8000);

  @Option(
      names = "--depths",
      split = ",",
      paramLabel = "PERCENT",
      description = "where the key lies, from the beginning (default: 0,25,50,75,100)")
  private List<Integer> depths = List.of(0, 25, 50, 75, 100);

  @Option(
      names = "--trials",
      paramLabel = "N",
      description = "prompts for each length and depth (default: 1)")
  private int trials = 1;

  @Option(names = "--keys", paramLabel = "N", description = "keys hidden, 1 to 8 (default: 1)")
  private int keys = 1;

  @Option(names = "--seed", paramLabel = "N", description = "of keys and places (default: 1)")
  private long seed = 1;

  @Option(names = "--png", paramLabel = "FILE", description = "also draw the grid")
  private @Nullable String png;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "md, csv, json or jsonl (default: md)")
  private @Nullable String format;

  @Option(names = "--json", description = "the same as -o json")
  private boolean json;

  NeedleCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    model.check();
    checkNumbers();
    ReportFormat chosen = BenchCommand.reportFormat(format, json);
    OutputFile picture = OutputFile.of("--png", png);
    String text = haystack == null ? "" : HaystackFiles.read(haystack);
    NeedleGrid grid =
        new NeedleGrid(
            lengths, depths.stream().map(depth -> depth / 100.0).toList(), trials, keys, seed);
    try (Engine engine = model.open(context, output, true)) {
      requireContext(engine.contextLength());
      List<NeedleGrid.Cell> cells = run(engine, grid, text);
      if (cells.isEmpty()) {
        throw new InterruptedCommandException();
      }
      model.tellDevice(context, output);
      NeedleReport report = new NeedleReport(grid, cells);
      boolean partial = cells.size() < lengths.size() * depths.size();
      print(engine, report, chosen, partial);
      if (picture.isGiven()) {
        picture.write(PngImage.of(report.heatMap(title(engine)).draw()));
      }
      return partial ? ExitCode.INTERRUPTED : ExitCode.DONE;
    }
  }

  private List<NeedleGrid.Cell> run(Engine engine, NeedleGrid grid, String text) {
    context.interruption().onRequest(() -> {}); // the model's listener looks
    ScoringListener listener =
        new ScoringListener() {
          @Override
          public boolean cancelled() {
            return context.interruption().isRequested();
          }
        };
    try (EngineNeedleModel needleModel = engine.newNeedleModel(listener);
        ProgressBar bar =
            ProgressBar.of(context.console().err(), "needle", "prompts", System.nanoTime())) {
      int longest = Collections.max(lengths);
      String filler = haystack == null ? HaystackFiles.stories(longest, seed) : text;
      return grid.run(
          needleModel,
          Haystack.of(filler, needleModel, longest),
          (done, planned) -> {
            if (output.showsProgress()) {
              bar.update(done, planned, System.nanoTime());
            }
            return !context.interruption().isRequested();
          });
    } catch (IllegalArgumentException e) { // a length without room for the question
      throw CommandFailure.usage("--lengths: " + e.getMessage());
    }
  }

  private void print(Engine engine, NeedleReport report, ReportFormat chosen, boolean partial) {
    TextOutput out = context.console().out();
    if (chosen != ReportFormat.MD) {
      out.print(NeedleOutput.of(report, partial).format(chosen)).flush();
      return;
    }
    out.line(title(engine)).line("").print(report.markdown());
    out.line("")
        .line(
            "found in "
                + Quantities.decimal(100 * report.score(), 1)
                + " % of "
                + report.cells().stream().mapToInt(NeedleGrid.Cell::trials).sum()
                + " prompts");
    if (partial) {
      out.line("Partial (interrupted): " + report.cells().size() + " cells.");
    }
    out.flush();
  }

  private String title(Engine engine) {
    return "needle: model "
        + model.modelName()
        + ", KV cache "
        + model.kvPolicy()
        + ", "
        + Quantities.decimal(engine.kvEffectiveBits(Collections.max(lengths)), 2)
        + " bits, keys "
        + keys;
  }

  private void checkNumbers() {
    lengths.forEach(length -> requireBetween("--lengths", length, 1, 1 << 24));
    depths.forEach(depth -> requireBetween("--depths", depth, 0, 100));
    requireBetween("--trials", trials, 1, MAX_TRIALS);
    requireBetween("--keys", keys, 1, PassKeys.MAX_KEYS);
    lengths = List.copyOf(new ArrayList<>(new java.util.TreeSet<>(lengths)));
    depths = List.copyOf(new ArrayList<>(new java.util.TreeSet<>(depths)));
  }

  private static void requireBetween(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw CommandFailure.usage(option + " " + value + ": expected " + least + " to " + most);
    }
  }

  private void requireContext(int contextLength) {
    int needed = Collections.max(lengths) + NeedleGrid.ANSWER_TOKENS;
    if (needed > contextLength) {
      throw CommandFailure.usage(
          "--lengths "
              + Collections.max(lengths)
              + ": with the answer "
              + needed
              + " tokens, the context's limit is "
              + contextLength);
    }
  }
}
