package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.engine.ModelShape;
import io.vquant.eval.BenchRow;
import io.vquant.eval.BenchTable;
import io.vquant.eval.ReportFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench}: speed of prefill and decode, beside what the machine could give. */
@Command(
    description =
        "Measures speed as llama-bench does: pp is prefill of a prompt, tg is generation,"
            + " at several depths of the KV cache. The machine's multiply-add and read rates are"
            + " measured just before each test.",
    footer = {
      "",
      "--kv and --weights may be given several times: all then take turns repeat by repeat, so that",
      "their ratios are fair. Peak memory is that of the process, all of them together.",
      "Examples:",
      "  bench",
      "  bench --random llama-3.2-1b -p 128 -n 32 -d 0,2048 --kv f32 --kv bf16",
      "  bench -m path/to/model -p 512 -n 64 -d 0,2048 -o json",
      "  bench -m path/to/model --weights bf16 --weights q8 --weights q4"
    })
final class BenchCommand implements Callable<Integer> {
  private static final int MAX_REPEATS = 10_000;
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private OutputOptions output;

  @Option(
      names = {"-p", "--n-prompt"},
      split = ",",
      paramLabel = "N",
      description = "tokens of the prompt, one or more with commas; 0: no such test (default: 512)")
  private int[] promptTokens = {512};

  @Option(
      names = {"-n", "--n-gen"},
      split = ",",
      paramLabel = "N",
      description = "tokens to generate, one or more with commas; 0: no such test (default: 128)")
  private int[] generatedTokens = {128};

  @Option(
      names = {"-d", "--n-depth"},
      split = ",",
      paramLabel = "N",
      description = "tokens in the cache before, one or more with commas (default: 0)")
  private int[] depths = {0};

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      description = "how often each is measured (default: 5)")
  private int repeats = 5;

  @Option(
      names = "--random",
      paramLabel = "SHAPE",
      description =
          "random weights of a published shape in place of a model: smollm2-135m, llama-3.2-1b,"
              + " llama-3.1-8b or qwen2.5-7b")
  private @Nullable String shape;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      description = "md, csv, json or jsonl (default: md)")
  private @Nullable String format;

  @Option(names = "--json", description = "the same as -o json")
  private boolean json;

  BenchCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    ReportFormat chosen = reportFormat(format, json);
    checkNumbers();
    model.checkForPolicies();
    List<BenchRow> rows = new ArrayList<>();
    int[] prompts = positive(promptTokens);
    int[] answers = positive(generatedTokens);
    int ways = model.kvPolicies().size() * model.weightFormats().size();
    int planned = depths.length * (prompts.length + answers.length) * ways;
    try (OpenEngines engines = new OpenEngines()) {
      for (String weights : model.weightFormats()) {
        engines.add(open(weights));
      }
      context.interruption().onRequest(() -> {}); // the test looks, and keeps what it has
      SpeedTest test =
          new SpeedTest(
              engines.all(), modelName(), model.kvPolicies(), repeats, context.interruption());
      for (int depth : depths) {
        for (int tokens : prompts) {
          if (!context.interruption().isRequested()) {
            rows.addAll(told(test.prefill(tokens, depth)));
          }
        }
        for (int tokens : answers) {
          if (!context.interruption().isRequested()) {
            rows.addAll(told(test.decode(tokens, depth)));
          }
        }
      }
    }
    if (rows.isEmpty()) {
      throw new InterruptedCommandException();
    }
    return report(rows, planned, chosen);
  }

  private int report(List<BenchRow> rows, int planned, ReportFormat chosen) {
    boolean partial = context.interruption().isRequested();
    List<BenchRow> marked = partial ? rows.stream().map(BenchRow::asPartial).toList() : rows;
    model.tellDevice(context, output);
    TextOutput out = context.console().out();
    out.print(BenchTable.format(marked, chosen));
    if (partial && chosen == ReportFormat.MD) {
      out.line("").line("Partial (interrupted): " + rows.size() + " of " + planned + " rows.");
    }
    out.flush();
    return partial ? ExitCode.INTERRUPTED : ExitCode.DONE;
  }

  /** Opens the model for as many tokens as the deepest test needs. */
  private Engine open(String weights) {
    long deepest = largest(depths);
    long needed = deepest + Math.max(largest(promptTokens) + 1, largest(generatedTokens) + 2);
    int tokens = (int) Math.min(Integer.MAX_VALUE, needed);
    Engine engine;
    try {
      engine =
          shape == null
              ? model.openForTokens(context, output, weights, tokens)
              : model.openRandom(context, output, parsed(shape), weights, tokens);
    } catch (IllegalArgumentException e) { // longer than the model's limit
      throw CommandFailure.usage("these tests need a " + e.getMessage());
    }
    if (needed > engine.contextLength()) {
      engine.close();
      throw CommandFailure.usage(
          "these tests need "
              + needed
              + " tokens of context: the limit is "
              + engine.contextLength());
    }
    return engine;
  }

  private static int[] positive(int[] numbers) {
    return Arrays.stream(numbers).filter(number -> number > 0).toArray();
  }

  private static long largest(int[] numbers) {
    return Arrays.stream(numbers).max().orElse(0);
  }

  private String modelName() {
    return shape == null ? model.modelName() : shape + " (random)";
  }

  /** A table comes at the end; on a terminal each row is told as it is measured. */
  private List<BenchRow> told(List<BenchRow> rows) {
    if (output.showsProgress()) {
      for (BenchRow row : rows) {
        String speed = Quantities.decimal(row.tokensPerSecond(), 1) + " t/s";
        context
            .console()
            .message(row.kv().policy() + " " + row.test() + " @ " + row.depth() + ": " + speed);
      }
    }
    return rows;
  }

  /** What {@code -o} and {@code --json} ask for together. */
  static ReportFormat reportFormat(@Nullable String format, boolean json) {
    if (json && format != null && !format.equals("json")) {
      throw CommandFailure.usage("--json and -o " + format + ": give one of them");
    }
    return Choice.of(
        "--output",
        json ? "json" : format == null ? "md" : format,
        ReportFormat.values(),
        ReportFormat::label);
  }

  private void checkNumbers() {
    requireNoneNegative("-p", promptTokens);
    requireNoneNegative("-n", generatedTokens);
    requireNoneNegative("-d", depths);
    if (repeats < 1) {
      throw CommandFailure.usage("-r " + repeats + ": expected 1 or more");
    }
    if (repeats > MAX_REPEATS) {
      throw CommandFailure.usage("-r " + repeats + ": expected at most " + MAX_REPEATS);
    }
    if (largest(promptTokens) == 0 && largest(generatedTokens) == 0) {
      throw CommandFailure.usage("-p 0 and -n 0: nothing to measure");
    }
    if (shape != null) {
      parsed(shape);
      if (model.isModelGiven()) {
        throw CommandFailure.usage("--model and --random: give one of them");
      }
    }
  }

  private static void requireNoneNegative(String option, int[] values) {
    for (int value : values) {
      if (value < 0) {
        throw CommandFailure.usage(option + " " + value + ": expected 0 or more");
      }
    }
  }

  private static ModelShape parsed(String shape) {
    return Choice.of("--random", shape, ModelShape.values(), ModelShape::label);
  }
}
