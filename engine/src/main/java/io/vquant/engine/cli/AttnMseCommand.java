package io.vquant.engine.cli;

import io.vquant.engine.AttentionProbe;
import io.vquant.engine.Engine;
import io.vquant.engine.GenerationListener;
import io.vquant.engine.attention.ErrorTable;
import io.vquant.engine.attention.ErrorTables;
import io.vquant.engine.attention.PrefillErrorMeter;
import io.vquant.engine.attention.PrefillErrors;
import io.vquant.engine.attention.PrefillVariant;
import io.vquant.kernels.quant.SymmetricInt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code attn-mse}: the error of low-bit prefill attention on a real prompt. */
@Command(
    description =
        "Measures the error of low-bit prefill attention on a model's own queries, keys and values:"
            + " how much smaller the mean squared error of the attention output against float64 is"
            + " with lines and window in full precision than with all in low bit, the same formats"
            + " and the same transform.",
    footer = {
      "",
      "Each cell: errors summed over all heads and layers, one sum over the other; median head;",
      "worst head. Tables: main (lines and window), layers, lines (counts and windows, with and",
      "without transforms: takes longest), score (a^2, a, key norm), adaptive (line count by the",
      "share of a^2), chunks (lines chosen once or for every 1024 or 256 rows), softmax (one state",
      "or two, values in E4M3), scales (a scale for each key or for 64).",
      "Examples:",
      "  attn-mse -m path/to/model --text wiki.test.raw",
      "  attn-mse -m path/to/model --text essay.txt --tokens 4096 --layers 0,10-19 --table main"
    })
final class AttnMseCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private ModelOptions model;
  @Mixin private OutputOptions output;

  @Option(
      names = "--text",
      required = true,
      paramLabel = "FILE",
      description = "the text, UTF-8; - is stdin")
  private String file = "";

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "tokens of the text, from its beginning (default: 2048)")
  private int tokens = 2048;

  @Option(
      names = "--layers",
      paramLabel = "LIST",
      description = "layers to measure, from 0: 0,5,10-19 (default: all)")
  private @Nullable String layers;

  @Option(
      names = "--table",
      paramLabel = "NAMES",
      description = "tables to print, or all (default: main,layers)")
  private String tables = "main,layers";

  @Option(names = "--json", description = "one JSON object in place of text")
  private boolean json;

  AttnMseCommand(CommandContext context) {
    this.context = context;
    model = new ModelOptions();
    output = new OutputOptions();
  }

  @Override
  public Integer call() {
    model.check();
    if (tokens < 1) {
      throw CommandFailure.usage("--tokens " + tokens + ": expected 1 or more");
    }
    List<String> names = tableNames();
    List<ErrorTable> wanted = names.stream().flatMap(n -> ErrorTables.of(n).stream()).toList();
    NumberRanges ranges = layers == null ? null : NumberRanges.parse("--layers", layers);
    String content = PerplexityText.read(file, context.console().in());
    long startNanos = System.nanoTime();
    try (Engine engine = model.open(context, output, true)) {
      int numLayers = engine.config().numHiddenLayers();
      if (ranges != null) {
        ranges.requireBelow(numLayers, "the model's layers");
      }
      int[] ids = firstTokens(engine, content);
      PrefillErrors errors = measure(engine, ids, ranges, variants(wanted, names));
      AttnMseReport report =
          new AttnMseReport(
              model.modelName(), file, ids.length, wanted, names.contains("layers"), errors);
      model.tellDevice(context, output);
      TextOutput out = context.console().out();
      if (json) {
        out.line(report.asJson().compact()).flush();
      } else {
        out.print(report.asText()).flush();
      }
    }
    if (!output.quiet()) {
      double seconds = (System.nanoTime() - startNanos) / 1e9;
      context.console().message("measured in " + Quantities.decimal(seconds, 1) + " s");
    }
    return ExitCode.DONE;
  }

  private List<String> tableNames() {
    if (tables.equals("all")) {
      return ErrorTables.NAMES;
    }
    List<String> names = List.of(tables.split(",", -1));
    for (String name : names) {
      if (!ErrorTables.NAMES.contains(name)) {
        throw CommandFailure.usage(
            "--table " + name + ": expected all or some of " + String.join(",", ErrorTables.NAMES));
      }
    }
    return names;
  }

  private static Set<PrefillVariant> variants(List<ErrorTable> tables, List<String> names) {
    List<PrefillVariant> shown = new ArrayList<>();
    for (ErrorTable table : tables) {
      table.rows().forEach(row -> shown.addAll(row.variants()));
    }
    if (names.contains("layers")) {
      Arrays.stream(SymmetricInt.values()).map(ErrorTables::vquant).forEach(shown::add);
    }
    Set<PrefillVariant> all = new LinkedHashSet<>();
    for (PrefillVariant variant : shown) {
      all.add(variant.allLowBit());
      all.add(variant);
    }
    return all;
  }

  private int[] firstTokens(Engine engine, String content) {
    int[] ids = engine.tokenizer().encode(content);
    if (ids.length < tokens) {
      throw CommandFailure.badInput(
          file + ": " + ids.length + " tokens, expected at least " + tokens + ", see --tokens");
    }
    int[] first = Arrays.copyOf(ids, tokens);
    new PromptEncoder(engine, model.folder(context)).requireEmbedded(first);
    return first;
  }

  private PrefillErrors measure(
      Engine engine, int[] ids, @Nullable NumberRanges ranges, Set<PrefillVariant> variants) {
    PrefillErrors errors = new PrefillErrors();
    AttentionProbe probe = engine.newAttentionProbe();
    PrefillErrorMeter meter = new PrefillErrorMeter(probe);
    context.interruption().onRequest(() -> {}); // looked at between layers
    try (ProgressBar bar =
        ProgressBar.ofTokens(context.console().err(), "attention", System.nanoTime())) {
      GenerationListener listener =
          new GenerationListener() {
            @Override
            public void onPrefill(long done, long total) {
              context.interruption().check();
              if (output.showsProgress() && total > 0) {
                bar.update(ids.length * done / total, ids.length, System.nanoTime());
              }
            }
          };
      probe.run(
          ids,
          layer -> ranges == null || ranges.contains(layer),
          inputs -> errors.add(inputs.layer(), meter.measure(inputs, variants)),
          listener);
    }
    return errors;
  }
}
