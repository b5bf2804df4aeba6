package io.vquant.engine.cli;

import io.vquant.engine.Engine;
import io.vquant.eval.BenchFormat;
import io.vquant.eval.BenchRow;
import io.vquant.eval.BenchTable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench}: speed of prefill and decode, beside what the machine could give. */
@Command(
    description =
        "Measures speed as llama-bench does: pp is prefill of a prompt, tg is generation,"
            + " at several depths of the KV cache. The machine's multiply-add and read rates are"
            + " measured just before each row.",
    footer = {
      "",
      "Examples:",
      "  bench",
      "  bench -m path/to/model -p 512 -n 64 -d 0,2048 -o json"
    })
final class BenchCommand implements Callable<Integer> {
  private static final int MAX_REPEATS = 10_000;
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private OutputOptions output;

  @Option(
      names = {"-p", "--n-prompt"},
      paramLabel = "N",
      description = "tokens of the prompt; 0: no such test (default: 512)")
  private int promptTokens = 512;

  @Option(
      names = {"-n", "--n-gen"},
      paramLabel = "N",
      description = "tokens to generate; 0: no such test (default: 128)")
  private int generatedTokens = 128;

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
    BenchFormat chosen = checkedFormat();
    checkNumbers();
    model.check();
    List<BenchRow> rows = new ArrayList<>();
    try (Engine engine = model.open(context, output, false)) {
      requireContext(engine.contextLength());
      SpeedTest test =
          new SpeedTest(
              engine, model.modelName(), model.kvPolicy(), repeats, context.interruption());
      for (int depth : depths) {
        if (promptTokens > 0) {
          rows.add(told(test.prefill(promptTokens, depth)));
        }
        if (generatedTokens > 0) {
          rows.add(told(test.decode(generatedTokens, depth)));
        }
      }
    }
    context.console().out().print(new BenchTable(rows).format(chosen));
    return ExitCode.DONE;
  }

  /** A table comes at the end; on a terminal each row is told as it is measured. */
  private BenchRow told(BenchRow row) {
    if (output.showsProgress()) {
      context
          .console()
          .message(
              row.test()
                  + " @ "
                  + row.depth()
                  + ": "
                  + Quantities.decimal(row.tokensPerSecond(), 1)
                  + " t/s");
    }
    return row;
  }

  private BenchFormat checkedFormat() {
    if (json && format != null && !format.equals("json")) {
      throw CommandFailure.usage("--json and -o " + format + ": give one of them");
    }
    String name = json ? "json" : format == null ? "md" : format;
    return Arrays.stream(BenchFormat.values())
        .filter(candidate -> candidate.label().equals(name))
        .findFirst()
        .orElseThrow(() ->
            CommandFailure.usage(
                "--output "
                    + name
                    + ": expected one of "
                    + Arrays.stream(BenchFormat.values())
                        .map(BenchFormat::label)
                        .collect(Collectors.joining(", "))));
  }

  private void checkNumbers() {
    requireAtLeast("-p", promptTokens, 0);
    requireAtLeast("-n", generatedTokens, 0);
    requireAtLeast("-r", repeats, 1);
    for (int depth : depths) {
      requireAtLeast("-d", depth, 0);
    }
    if (repeats > MAX_REPEATS) {
      throw CommandFailure.usage("-r " + repeats + ": expected at most " + MAX_REPEATS);
    }
    if (promptTokens == 0 && generatedTokens == 0) {
      throw CommandFailure.usage("-p 0 and -n 0: nothing to measure");
    }
  }

  private static void requireAtLeast(String option, int value, int least) {
    if (value < least) {
      throw CommandFailure.usage(option + " " + value + ": expected " + least + " or more");
    }
  }

  private void requireContext(int contextLength) {
    long deepest = Arrays.stream(depths).max().orElse(0);
    long needed = deepest + Math.max(promptTokens + 1L, generatedTokens + 2L);
    if (needed > contextLength) {
      throw CommandFailure.usage(
          "these tests need " + needed + " tokens of context: the limit is " + contextLength);
    }
  }
}
