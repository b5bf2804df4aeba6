package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.ScoringMode;
import io.vquant.eval.ReportFormat;
import io.vquant.eval.SweepRow;
import io.vquant.eval.SweepTable;
import io.vquant.eval.plots.PngImage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code kv-sweep}: KV cache policies side by side. */
@Command(
    description =
        "Runs KV cache policies over the same tokens and compares each with a base: bits, memory,"
            + " perplexity, divergence, speed. The grid is all of --k with all of --v, --lines and"
            + " --window; with --kv, given once or more, only those policies.",
    footer = {
      "",
      "Tokens go one by one through the caches. With --mode prefill a window attends to keys and",
      "values that are not packed yet, which shows no damage but that of --attention.",
      "Examples:",
      "  kv-sweep -m path/to/model --text wiki.test.raw -c 1024 --limit 2 --png front.png",
      "  kv-sweep --text book.txt -c 512 --k 8,4 --v 4 --lines 0,1%% --window 0,128 -o csv",
      "  kv-sweep --text book.txt -c 512 --kv k4v4 --kv k4v4,hadamard=off --kv k4v4,smooth=off"
    })
final class KvSweepCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private WindowOptions windowing;
  @Mixin private OutputOptions output;

  @Option(names = "--k", split = ",", paramLabel = "BITS", description = "bits of keys (8,4,2)")
  private List<String> keyBits = List.of("8", "4", "2");

  @Option(names = "--v", split = ",", paramLabel = "BITS", description = "bits of values (8,4,2)")
  private List<String> valueBits = List.of("8", "4", "2");

  @Option(
      names = "--lines",
      split = ",",
      paramLabel = "PART",
      description = "lines a head, of the tokens or a number (default: one percent)")
  private List<String> lines = List.of("1%");

  @Option(
      names = "--window",
      split = ",",
      paramLabel = "N",
      description = "newest tokens in 16 bits (default: 128)")
  private List<String> windows = List.of("128");

  @Option(names = "--against", paramLabel = "POLICY", description = "the base (default: bf16)")
  private String against = "bf16";

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description = "decode or prefill (default: decode)")
  private String mode = ScoringMode.DECODE.label();

  @Option(names = "--png", paramLabel = "FILE", description = "also draw bits against KLD")
  private @Nullable String png;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "md, csv, json or jsonl (default: md)")
  private @Nullable String format;

  @Option(names = "--json", description = "the same as -o json")
  private boolean json;

  KvSweepCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    windowing = new WindowOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    model.checkForPolicies();
    PerplexityPlan plan = windowing.plan(model, mode, against);
    List<String> policies = policies();
    ReportFormat chosen = BenchCommand.reportFormat(format, json);
    OutputFile picture = OutputFile.of("--png", png);
    String content = windowing.readText(context);
    try (Engine engine = model.openForPolicies(context, output)) {
      PerplexityText text = windowing.encode(engine, model, context, content);
      context.interruption().onRequest(() -> {}); // the run looks, and ends after its last window
      List<SweepRow> rows = run(engine, plan, text, policies);
      model.tellDevice(context, output);
      print(text, plan, rows, chosen);
      if (picture.isGiven()) {
        picture.write(PngImage.of(SweepTable.plot(title(plan, rows), rows).draw()));
      }
      return rows.getFirst().partial() ? ExitCode.INTERRUPTED : ExitCode.DONE;
    }
  }

  private List<SweepRow> run(
      Engine engine, PerplexityPlan plan, PerplexityText text, List<String> policies) {
    try (ProgressBar bar =
        ProgressBar.ofTokens(context.console().err(), "sweep", System.nanoTime())) {
      KvSweepRun run = new KvSweepRun(engine, plan, text, policies, context.interruption());
      return run.run((done, total) -> {
        if (output.showsProgress()) {
          bar.update(done, total, System.nanoTime());
        }
      });
    } catch (ArithmeticException e) { // NaN or infinity among the logits
      throw CommandFailure.badModel(model.modelName() + ": " + e.getMessage());
    }
  }

  /** The policies given, else the grid; each one checked. */
  private List<String> policies() {
    List<String> policies = new ArrayList<>(model.isKvGiven() ? model.kvPolicies() : grid());
    for (int i = 0; i < policies.size(); i++) {
      PolicyNames.kv("--kv", policies.get(i));
      if (policies.indexOf(policies.get(i)) < i) {
        throw CommandFailure.usage("policy " + policies.get(i) + " comes twice");
      }
    }
    return policies;
  }

  private List<String> grid() {
    List<String> grid = new ArrayList<>();
    for (String k : keyBits) {
      for (String v : valueBits) {
        for (String line : lines) {
          for (String window : windows) {
            grid.add("k" + k + "v" + v + ",lines=" + line + ",window=" + window);
          }
        }
      }
    }
    return grid;
  }

  private void print(
      PerplexityText text, PerplexityPlan plan, List<SweepRow> rows, ReportFormat chosen) {
    TextOutput out = context.console().out();
    if (chosen == ReportFormat.MD) {
      out.line(title(plan, rows));
      out.line(plan.describe(text)).line("");
    }
    out.print(SweepTable.format(rows, chosen));
    if (chosen == ReportFormat.MD && rows.getFirst().partial()) {
      out.line("").line("Partial (interrupted).");
    }
    out.flush();
  }

  private String title(PerplexityPlan plan, List<SweepRow> rows) {
    return "kv-sweep: model "
        + model.modelName()
        + ", base "
        + against
        + ", context "
        + plan.windowTokens()
        + ", windows "
        + rows.getFirst().perplexity().windows().size()
        + ", mode "
        + plan.mode().label();
  }
}
